"""OpenTelemetry behind our spans: parents across records, sampling by trace id, and a collector that is unavailable."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from ops.local.ports import ReservedPort
from schemas.topics import SIGNALS
from streams.observability.tracing import spans
from streams.observability.tracing.otlp import OtlpTracer
from streams.observability.tracing.span_export import CountingProcessor
from streams.record import Place, Record
from tests.otlp_collector import OtlpCollector
from tests.pipeline import await_value

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
MANY = 400


def record(flags: str = "01", trace_id: str = TRACE_ID) -> Record:
    traceparent = f"00-{trace_id}-{PARENT_ID}-{flags}".encode()
    return Record(Place("video.uploaded", 3, 7), b"video", b"", (("traceparent", traceparent),), 0.0, 1)


class Traced:
    """Tracing of this process, into memory."""

    def __init__(self, sample_ratio: float = 1.0) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer = OtlpTracer("http://127.0.0.1:1", sample_ratio, self.exporter)
        spans.install(self.tracer)

    def finished(self) -> dict[str, ReadableSpan]:
        self.tracer._processor.force_flush()
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture(autouse=True)
def no_tracer_left() -> Iterator[None]:
    yield
    spans.install(None)


def dropped() -> float:
    return REGISTRY.get_sample_value("vidsignal_trace_spans_total", {"result": "dropped"}) or 0.0


class TestSpans:
    def test_work_on_a_record_is_a_child_of_who_published_it(self) -> None:
        """Same trace, the publisher's span as parent, and what happens inside is a child in turn."""
        traced = Traced()
        with spans.consuming("intake", record(), 1_700_000_000.0):
            inner = spans.traceparent()
            with spans.span("claim", items=2):
                pass
        found = traced.finished()
        intake, claim = found["intake"], found["claim"]
        assert (f"{intake.context.trace_id:032x}", f"{intake.parent.span_id:016x}") == (TRACE_ID, PARENT_ID)  # type: ignore[union-attr]
        assert claim.parent.span_id == intake.context.span_id  # type: ignore[union-attr]
        assert inner == f"00-{TRACE_ID}-{intake.context.span_id:016x}-01".encode()
        assert intake.start_time == 1_700_000_000 * 10**9
        assert claim.attributes == {"vidsignal.items": 2}

    def test_an_error_is_named_by_its_kind_alone(self) -> None:
        """Messages may quote addresses and titles."""
        traced = Traced()
        with pytest.raises(ValueError, match="secret"), spans.span("claim"):
            raise ValueError("secret")
        claim = traced.finished()["claim"]
        assert claim.attributes == {"error.type": "ValueError"}
        assert not claim.status.is_ok
        assert "secret" not in claim.to_json()

    def test_a_record_without_a_trace_begins_one(self) -> None:
        """A root of its own."""
        traced = Traced()
        with spans.consuming("intake", Record(Place("t", 0, 0), None, b"", (), 0.0, 1), 0.0):
            pass
        assert traced.finished()["intake"].parent is None

    def test_a_parent_may_be_named(self) -> None:
        """For work that runs in another task than it was asked for."""
        traced = Traced()
        with spans.span("verdict"):
            within = spans.current()
        with spans.span("fold", parent=within):
            pass
        found = traced.finished()
        assert found["fold"].parent.span_id == found["verdict"].context.span_id  # type: ignore[union-attr]


class TestSampling:
    def test_a_producer_that_does_not_sample_is_obeyed(self) -> None:
        """No span, and the flag goes on."""
        traced = Traced()
        with spans.consuming("intake", record("00"), 0.0) as span:
            handed_on = spans.traceparent()
            with spans.producing(SIGNALS, key="video"):
                pass
        assert not span.is_kept
        assert traced.finished() == {}
        assert handed_on is not None
        assert (handed_on[3:35].decode(), handed_on[-2:]) == (TRACE_ID, b"00")

    def test_the_share_is_decided_by_trace_id(self) -> None:
        """Every worker keeps the same traces, and about as many as it was told, although every parent says sampled."""
        kept = []
        for _ in range(2):
            traced = Traced(sample_ratio=0.25)
            for number in range(MANY):
                trace_id = f"{(number * 2**64 // MANY) or 1:032x}"
                with spans.consuming(f"{number}", record(trace_id=trace_id), 0.0):
                    pass
            kept.append(set(traced.finished()))
        assert kept[0] == kept[1]
        assert 0.2 * MANY < len(kept[0]) < 0.3 * MANY


class StuckExporter(SpanExporter):
    """Takes nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.FAILURE


class TestCollectorUnavailable:
    def test_what_does_not_fit_is_dropped_and_counted(self) -> None:
        """The queue is bounded; nobody waits, every span is sent or counted."""
        before = dropped()
        processor = CountingProcessor(StuckExporter(), max_waiting=8)
        tracer = OtlpTracer("http://127.0.0.1:1", 1.0, InMemorySpanExporter())
        tracer._provider.add_span_processor(processor)
        for _ in range(100):
            tracer.span("claim").end()
        processor.force_flush()
        assert dropped() - before == 100
        assert processor._num_waiting == 0

    def test_an_unavailable_collector_delays_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Spans end, closing ends, and what was lost is in the metric once the exporter has given up."""
        monkeypatch.setattr("streams.observability.tracing.span_export._REQUEST_SECONDS", 1.0)
        before = dropped()
        with ReservedPort() as port:
            tracer = OtlpTracer(f"http://{port.address}", 1.0)
            for _ in range(5):
                tracer.span("claim").end()
            tracer.close()
            await_value(lambda: dropped() - before >= 5 or None, 60, lambda: f"{dropped() - before} are dropped")
        assert dropped() - before == 5

    def test_an_address_without_a_path_is_completed(self) -> None:
        """`http://host:port` is what people write; the spans arrive."""
        with OtlpCollector() as collector:
            tracer = OtlpTracer(collector.endpoint, 1.0)
            tracer.span("claim").end()
            tracer.close()
            await_value(lambda: collector.spans or None, 60, lambda: "no span has come")
            assert [(span.name, span.service) for span in collector.spans] == [("claim", "vidsignal")]


class TestOff:
    def test_nothing_of_opentelemetry_is_imported(self) -> None:
        """Neither by a worker's modules nor by tracing that is off; spans cost one `if` then.

        The client of Redis imports OpenTelemetry's metrics by itself, wherever they are installed.
        """
        program = (
            "import sys, streams.worker.worker, streams.analysis.engine_opening, ops.cli.publish\n"
            "from streams.config.settings import read_settings\n"
            "from streams.observability.tracing import spans\n"
            "from streams.observability.tracing.opening import traced\n"
            "with traced(read_settings()):\n"
            "    with spans.span('claim') as span: pass\n"
            "    assert spans.traceparent() is None and not span.is_kept\n"
            "traces = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'streams.observability.tracing.otlp')\n"
            "print([name for name in sys.modules if name.startswith(traces)])\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
        )
        assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr
