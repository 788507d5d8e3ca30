"""OpenTelemetry spans, sent to a collector over OTLP/HTTP. Imported only if a collector is configured."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable
from contextvars import Token
from importlib.metadata import version
from types import TracebackType
from typing import Final, Self

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from operators.tracing import Note, TraceSpan
from schemas.topics import Topic
from streams.observability.tracing.span_export import CountingProcessor, exporter_to, sampler_of
from streams.record import Record

_CLOSE_SECONDS: Final = 5.0
_PREFIX: Final = "vidsignal."

_propagator = TraceContextTextMapPropagator()


class OtlpTracer:
    """Creates spans and sends them in the background; an unavailable collector loses spans and delays no work.

    Args:
        endpoint: of the collector, `http://host:4318`; without a path, OTLP's default path is used.
        sample_ratio: share of the traces that is kept, decided by trace id, so that every worker decides alike.
        exporter: receives finished spans; tests pass their own.
    """

    def __init__(self, endpoint: str, sample_ratio: float, exporter: SpanExporter | None = None) -> None:
        self._processor = CountingProcessor(exporter or exporter_to(endpoint))
        self._provider = TracerProvider(sampler=sampler_of(sample_ratio), resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("vidsignal")

    def span(
        self,
        name: str,
        *,
        parent: TraceSpan | None = None,
        links: Iterable[TraceSpan] = (),
        began_unix_seconds: float | None = None,
        **notes: Note,
    ) -> OtlpSpan:
        """See `Tracer.span`."""
        span = self._tracer.start_span(
            name,
            context=trace.set_span_in_context(parent.inner) if isinstance(parent, OtlpSpan) else None,
            links=[trace.Link(link.inner.get_span_context()) for link in links if isinstance(link, OtlpSpan)],
            start_time=_nanoseconds(began_unix_seconds),
            attributes={_PREFIX + note: value for note, value in notes.items()},
        )
        return OtlpSpan(span)

    def consuming(self, name: str, record: Record, traceparent: bytes | None, began_unix_seconds: float) -> OtlpSpan:
        """See `EventTracer.consuming`; attribute names follow OpenTelemetry's messaging conventions."""
        carrier = {"traceparent": traceparent.decode("ascii", "replace")} if traceparent else {}
        place = record.place
        span = self._tracer.start_span(
            name,
            context=_propagator.extract(carrier, context=contexts.Context()),
            kind=trace.SpanKind.CONSUMER,
            start_time=_nanoseconds(began_unix_seconds),
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": place.topic,
                "messaging.destination.partition.id": str(place.partition),
                "messaging.kafka.offset": place.offset,
                "vidsignal.video_id": _text(record.key),
            },
        )
        return OtlpSpan(span)

    def producing(self, topic: Topic, *, key: str | bytes | None) -> OtlpSpan:
        """See `EventTracer.producing`."""
        span = self._tracer.start_span(
            f"publish {topic.name}",
            kind=trace.SpanKind.PRODUCER,
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "send",
                "messaging.destination.name": topic.name,
                "vidsignal.video_id": _text(key),
            },
        )
        return OtlpSpan(span)

    def current(self) -> OtlpSpan:
        """See `EventTracer.current`."""
        return OtlpSpan(trace.get_current_span())

    def close(self) -> None:
        """Send waiting spans, for a limited time; blocks meanwhile. Spans that are not sent then are dropped."""
        # The provider's own limit is half a minute; only a separate thread permits a shorter one.
        closing = threading.Thread(target=self._provider.shutdown, name="vidsignal-traces-close", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


class OtlpSpan:
    """See `TraceSpan`."""

    __slots__ = ("_token", "inner")

    def __init__(self, inner: trace.Span) -> None:
        self.inner = inner
        self._token: Token[contexts.Context] | None = None

    @property
    def is_kept(self) -> bool:
        """See `TraceSpan.is_kept`."""
        return self.inner.is_recording()

    @property
    def traceparent(self) -> bytes | None:
        """See `TraceSpan.traceparent`; None outside every span."""
        found = self.inner.get_span_context()
        if not found.is_valid:
            return None
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}".encode()

    def note(self, name: str, value: Note) -> None:
        """See `TraceSpan.note`."""
        self.inner.set_attribute(_PREFIX + name, value)

    def link(self, other: TraceSpan) -> None:
        """See `TraceSpan.link`."""
        if isinstance(other, OtlpSpan) and self.inner.is_recording():
            self.inner.add_link(other.inner.get_span_context())

    def end(self, failure: str = "") -> None:
        """See `TraceSpan.end`; error messages are not stored, because they may quote an address or a title."""
        if failure:
            self.inner.set_attribute("error.type", failure)
            self.inner.set_status(trace.StatusCode.ERROR)
        self.inner.end()

    def __enter__(self) -> Self:
        """Make this span the parent of spans that start inside."""
        self._token = contexts.attach(trace.set_span_in_context(self.inner))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the span, with the kind of the error."""
        if self._token is not None:
            contexts.detach(self._token)
        self.end(kind.__name__ if kind is not None else "")


def _text(key: str | bytes | None) -> str:
    return key if isinstance(key, str) else (key or b"").decode("utf-8", "replace")


def _nanoseconds(unix_seconds: float | None) -> int | None:
    return None if unix_seconds is None else int(unix_seconds * 1e9)


def _resource() -> Resource:
    return Resource.create(
        {
            "service.name": "vidsignal",
            "service.version": version("vidsignal"),
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        }
    )
