"""How spans leave the process: which are kept, how they are batched, and what is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased

from streams.observability import metrics

MAX_WAITING_SPANS: Final = 8192
"""A few seconds of a busy worker; further spans are dropped and counted."""
_SPANS_A_REQUEST: Final = 512
_SEND_EVERY_SECONDS: Final = 1.0
_REQUEST_SECONDS: Final = 10.0
"""OpenTelemetry's own default: a collector that is busy for a few seconds loses no spans."""
_OTLP_PATH: Final = "/v1/traces"


class CountingProcessor(BatchSpanProcessor):
    """Sends spans in batches from a separate thread, and counts those that it had to drop."""

    def __init__(self, exporter: SpanExporter, max_waiting: int = MAX_WAITING_SPANS) -> None:
        self._max_waiting = max_waiting
        self._num_waiting = 0
        self._counting = threading.Lock()
        super().__init__(
            CountingExporter(exporter, self._taken),
            max_queue_size=max_waiting,
            schedule_delay_millis=_SEND_EVERY_SECONDS * 1000,
            max_export_batch_size=min(_SPANS_A_REQUEST, max_waiting),
        )

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span; without room the oldest is dropped."""
        if not (span.context and span.context.trace_flags.sampled):
            return
        with self._counting:
            is_full = self._num_waiting >= self._max_waiting
            self._num_waiting += not is_full
        if is_full:
            metrics.TRACE_SPANS.labels("dropped").inc()
        super().on_end(span)

    def _taken(self, num_spans: int) -> None:
        with self._counting:
            self._num_waiting -= num_spans


class CountingExporter(SpanExporter):
    """Counts spans that a collector accepted, and those that it did not."""

    def __init__(self, exporter: SpanExporter, taken: Callable[[int], None]) -> None:
        self._exporter = exporter
        self._taken = taken

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; a failed one is not sent again."""
        self._taken(len(spans))
        result = self._exporter.export(spans)
        metrics.TRACE_SPANS.labels("sent" if result is SpanExportResult.SUCCESS else "dropped").inc(len(spans))
        return result

    def shutdown(self) -> None:
        """Stop sending."""
        self._exporter.shutdown()


def sampler_of(sample_ratio: float) -> Sampler:
    """Return a sampler that never keeps what a producer does not sample, and a share of the rest by trace id.

    The share applies to sampled parents as well: producers that do not trace send the flag, too.
    """
    share = TraceIdRatioBased(sample_ratio)
    return ParentBased(root=share, remote_parent_sampled=share)


def exporter_to(endpoint: str) -> OTLPSpanExporter:
    """Return an exporter to a collector's address; without a path, OTLP's default path is used."""
    has_path = urlsplit(endpoint).path not in ("", "/")
    return OTLPSpanExporter(endpoint if has_path else endpoint.rstrip("/") + _OTLP_PATH, timeout=_REQUEST_SECONDS)
