"""Traces of a real pipeline, as a collector sees them: one upload is one connected trace, or none at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.metrics_page import MetricsPage, read_metrics
from schemas.codec import header
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS, UPLOADED
from tests.otlp_collector import CollectedSpan, OtlpCollector
from tests.pipeline import Pipeline, await_value, upload_of

STAGES = frozenset(
    {
        "publish video.uploaded", "intake", "admission", "register case", "register deadline",
        "frames", "motion", "audio", "context", "look up claim", "fetch", "decoder wait", "decode", "index",
        "model call", "batch", "claim", "publish video.signals",
        "verdict", "fold", "read state", "policy", "write state", "tell followers", "mark published",
        "publish video.moderation", "publish video.recommendation",
    }
)  # fmt: skip
"""Of an upload with picture, sound and text."""
AGENTS = frozenset({"frames", "motion", "audio", "context"})
UNSAMPLED = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
WAIT_SECONDS = 180.0
MOST_ROUNDS = 5
"""Of uploads published together: calls share a batch that wait at the same moment, which the machine decides."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def collector() -> Iterator[OtlpCollector]:
    with OtlpCollector() as opened:
        yield opened


@pytest.fixture(scope="module")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, kafka: str, redis_server: object, samples: Path, collector: OtlpCollector
) -> Iterator[Pipeline]:
    """One worker with all roles, tracing to the collector."""
    with Pipeline.opened(
        tmp_path_factory.mktemp("traced"),
        bootstrap_servers=kafka,
        redis_url=redis_server.url,  # type: ignore[attr-defined]
        media_roots=[samples],
        traces_endpoint=collector.endpoint,
        metrics_port="0",
    ) as opened:
        opened.start_worker()
        yield opened


def publish_and_await(pipeline: Pipeline, path: Path, video_id: str) -> None:
    published = pipeline.command(
        "publish", str(path), "--video-id", video_id, "--title", "A walk in the park with friends and a dog"
    )
    assert published.returncode == 0, published.stderr
    pipeline.await_verdicts([video_id], WAIT_SECONDS)


def trace_of(collector: OtlpCollector, video_id: str) -> list[CollectedSpan]:
    """The spans of an upload's trace, once all its facts are folded and every parent has come."""

    def complete() -> list[CollectedSpan] | None:
        for spans in collector.by_trace().values():
            roots = [span for span in spans if span.name == "publish video.uploaded"]
            if any(root.attributes["vidsignal.video_id"] == video_id for root in roots):
                is_folded = sum(span.name == "verdict" for span in spans) >= 1 + len(AGENTS)
                return spans if is_folded and not missing_parents(spans) else None
        return None

    return await_value(complete, WAIT_SECONDS, lambda: f"spans: {[span.name for span in collector.spans]}")


@pytest.fixture(scope="module")
def trace(pipeline: Pipeline, collector: OtlpCollector, samples: Path) -> list[CollectedSpan]:
    """The trace of the upload `traced-1`, with picture, sound and text."""
    publish_and_await(pipeline, samples / "carphone_pristine.mp4", "traced-1")
    return trace_of(collector, "traced-1")


def missing_parents(spans: list[CollectedSpan]) -> list[str]:
    known = {span.span_id for span in spans}
    return [span.name for span in spans if span.parent_id and span.parent_id not in known]


class TestTracing:
    def test_one_upload_is_one_connected_trace(self, trace: list[CollectedSpan], collector: OtlpCollector) -> None:
        """All stages have spans of one trace, from one root, every parent exists, and links of batches resolve."""
        spans = trace
        assert missing_parents(spans) == []
        by_id = {span.span_id: span for span in spans}
        roots = [span for span in spans if not span.parent_id]
        assert [root.name for root in roots] == ["publish video.uploaded"]
        assert {span.name for span in spans} == STAGES
        of_the_video = [span for span in collector.spans if span.attributes.get("vidsignal.video_id") == "traced-1"]
        assert {span.trace_id for span in of_the_video} == {roots[0].trace_id}
        for agent in (*AGENTS, "intake"):
            (span,) = [span for span in spans if span.name == agent]
            assert span.parent_id == roots[0].span_id
        folds = [span for span in spans if span.name == "fold" and span.attributes["vidsignal.kind"] == "signal"]
        folded_agents = {by_id[by_id[fold.parent_id].parent_id].name for fold in folds}
        assert folded_agents == AGENTS
        self.require_links(spans, by_id)

    def require_links(self, spans: list[CollectedSpan], by_id: dict[str, CollectedSpan]) -> None:
        """Every batch points at the calls that it answers, and every call at its batches."""
        batches = [span for span in spans if span.name == "batch"]
        calls = [span for span in spans if span.name == "model call"]
        assert batches
        for batch in batches:
            assert batch.links
            linked = [by_id[span_id] for _, span_id in batch.links]
            assert {call.name for call in linked} == {"model call"}
            assert all((batch.trace_id, batch.span_id) in call.links for call in linked)
        for call in calls:
            assert call.links, "a call that no batch answered"
            assert all(by_id[span_id].name == "batch" for _, span_id in call.links)

    def test_records_carry_the_trace_of_their_upload(self, pipeline: Pipeline, trace: list[CollectedSpan]) -> None:
        """Facts and outcomes name a span of the upload's trace that exists."""
        known = {(span.trace_id, span.span_id) for span in trace}
        for topic in (UPLOADED, SIGNALS, MODERATION, RECOMMENDATION):
            records = [record for record in pipeline.records(topic.name) if record.key == b"traced-1"]
            assert records
            for record in records:
                _, trace_id, span_id, _ = (header(record.headers, "traceparent") or b"").decode().split("-")
                assert (trace_id, span_id) in known

    def test_uploads_that_share_a_batch_are_linked_across_traces(
        self, pipeline: Pipeline, collector: OtlpCollector, samples: Path
    ) -> None:
        """A batch is in one trace and points into the others; each call finds its batch, whatever trace it is in."""
        for number in range(MOST_ROUNDS):
            self.publish_together(pipeline, collector, samples, f"together-{number}")
            by_id = {(span.trace_id, span.span_id): span for span in collector.spans}
            batches = [span for span in by_id.values() if span.name == "batch"]
            if any(len({trace_id for trace_id, _ in batch.links}) > 1 for batch in batches):
                break
        else:
            pytest.fail("no batch was shared")
        for batch in batches:
            assert all(by_id[link].name == "model call" for link in batch.links)
            assert batch.attributes["vidsignal.videos"] >= len({trace_id for trace_id, _ in batch.links})

    def publish_together(self, pipeline: Pipeline, collector: OtlpCollector, samples: Path, prefix: str) -> None:
        """Four uploads at once; returns when their traces are complete."""
        clips = ["carphone_pristine.mp4", "carphone_distorted.mp4", "park.mp4", "shot_change.mp4"]
        video_ids = {clip: f"{prefix}-{clip}" for clip in clips}
        metadata = pipeline.folder / "metadata.json"
        metadata.write_text(json.dumps({clip: {"video_id": name} for clip, name in video_ids.items()}))
        published = pipeline.command("publish", *(str(samples / clip) for clip in clips), "--metadata", str(metadata))
        assert published.returncode == 0, published.stderr
        pipeline.await_verdicts(video_ids.values(), WAIT_SECONDS)
        for name in video_ids.values():
            trace_of(collector, name)

    def test_an_upload_whose_producer_did_not_sample_leaves_no_span(
        self, pipeline: Pipeline, collector: OtlpCollector, samples: Path
    ) -> None:
        """The flag in traceparent is honoured by every role, and passed on."""
        from schemas.codec import encode

        upload = upload_of(samples / "park.mp4", "unsampled-1")
        pipeline.publish_bytes(encode(upload), "unsampled-1", [("traceparent", UNSAMPLED)])
        pipeline.await_verdicts(["unsampled-1"], WAIT_SECONDS)
        publish_and_await(pipeline, samples / "park.mp4", "traced-2")  # what came before it is sent before it
        trace_of(collector, "traced-2")
        assert not any(span.attributes.get("vidsignal.video_id") == "unsampled-1" for span in collector.spans)
        assert UNSAMPLED[3:35].decode() not in collector.by_trace()
        for record in pipeline.records(MODERATION.name):
            if record.key == b"unsampled-1":
                traceparent = header(record.headers, "traceparent") or b""
                assert (traceparent[3:35], traceparent[-2:]) == (UNSAMPLED[3:35], b"00")

    def test_what_was_sent_is_counted(self, pipeline: Pipeline, trace: list[CollectedSpan]) -> None:
        """Spans that a collector took appear in the metrics; none was dropped."""

        def sent() -> MetricsPage | None:
            page = read_metrics(pipeline.workers[0].ready["metrics_port"])
            return page if page.total("vidsignal_trace_spans_total", result="sent") > 0 else None

        # The collector has the spans a moment before the worker has its answer.
        page = await_value(sent, WAIT_SECONDS, lambda: f"{len(trace)} spans collected, none counted")
        assert page.total("vidsignal_trace_spans_total", result="dropped") == 0
