"""A collector of traces in this process: takes OTLP over HTTP as any other does, and keeps every span."""

from __future__ import annotations

import gzip
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ops.bench.trace_sink import TraceSink


@dataclass(frozen=True)
class CollectedSpan:
    """One span as it arrived; ids in hex."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for a root."""
    links: tuple[tuple[str, str], ...]
    """(trace id, span id) of each."""
    attributes: dict[str, Any]
    start_unix_ns: int
    end_unix_ns: int
    service: str


class OtlpCollector(TraceSink):
    """Listens on a free port of loopback while it is open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[CollectedSpan] = []
        super().__init__()

    def take(self, body: bytes, encoding: str | None) -> None:
        """Keep the spans of one request."""
        self._keep(ExportTraceServiceRequest.FromString(gzip.decompress(body) if encoding == "gzip" else body))

    @property
    def spans(self) -> list[CollectedSpan]:
        """All that came so far."""
        with self._lock:
            return list(self._spans)

    def by_trace(self) -> dict[str, list[CollectedSpan]]:
        """Spans of each trace."""
        traces: dict[str, list[CollectedSpan]] = defaultdict(list)
        for span in self.spans:
            traces[span.trace_id].append(span)
        return dict(traces)

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        found = [
            _collected(span, _attributes(resource.resource.attributes).get("service.name", ""))
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += found


def _collected(span: Any, service: str) -> CollectedSpan:
    return CollectedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        attributes=_attributes(span.attributes),
        start_unix_ns=span.start_time_unix_nano,
        end_unix_ns=span.end_time_unix_nano,
        service=service,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
