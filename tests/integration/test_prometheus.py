"""A real Prometheus reads a real worker under load: panels and alerts have data, and their numbers are true."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from ops.dashboards.dashboard_registry import DASHBOARDS
from ops.dashboards.panels import Panel
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.facts import EngagementSummary
from schemas.outcomes import Verdict
from schemas.topics import ENGAGEMENT, MODERATION
from streams.kafka.clients import producer_configuration
from tests.documents import REPOSITORY
from tests.pipeline import Pipeline, await_value, upload_of
from tests.promql import selectors
from tests.support.prometheus_package import PrometheusPrograms
from tests.support.prometheus_server import PrometheusServer

pytestmark = pytest.mark.slow

CONFIGURATION = REPOSITORY / "ops" / "prometheus" / "prometheus.yml"
WINDOW = "1h"
"""In place of Grafana's: the whole run."""
WAIT_SECONDS = 120.0
NUM_EVENTS = 40
RUDE = {"title": "you stupid fucking idiot, shut up", "description": "what a pathetic moron you are"}

QUIET_PANELS = {
    ("Device faults", "refused {{model}}"): "there is no Neuron device",
    ("Requests to model servers", "{{server}} {{outcome}}"): "all models run here",
    ("Answer time of model servers, p95", "{{server}}"): "all models run here",
    ("Tokens of model servers", "{{server}} {{direction}}"): "all models run here",
    ("Models that wait for their server", "{{instance}}"): "all models run here",
    ("Captions", "{{state}}"): "no chat model is asked",
    ("Answers of the judge", "{{asked_for}} {{answer}}"): "no chat model is asked",
    ("Media fetched", "{{kind}}"): "the uploads are files, which are read where they lie",
    ("Spans of traces", "{{result}}"): "tracing is off by default",
    ("Unexpected errors and roles that paused", "{{boundary}}"): "nothing unexpected happens here",
    ("Unexpected errors and roles that paused", "{{role}} paused"): "nothing unexpected happens here",
    ("What could not be read", "removed {{key}}"): "all keys hold what was written",
    ("What could not be read", "unreadable {{topic}}"): "all records are of this release",
    ("What could not be read", "fault {{step}}"): "every fact can be folded",
}
"""Panels, with the legend of their query, that show nothing here, and why."""
QUIET_SELECTORS = {
    'vidsignal_trace_spans_total{result="dropped"}': "tracing is off by default",
}
"""Selectors of alerts that find no series here, and why."""


@dataclass(frozen=True)
class Watched:
    """What Prometheus saw when everything was handled, and what was there to be seen."""

    server: PrometheusServer
    seen_unix_seconds: float
    """When it last read the worker."""
    verdicts: dict[str, Verdict]
    causes: Counter[str]
    num_published_verdicts: int
    markets: Counter[str] = field(default_factory=Counter)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression at that moment: what the worker does later changes nothing."""
        return self.server.query(expression, self.seen_unix_seconds)

    def number(self, expression: str) -> float:
        """The value of an expression that has one series."""
        series = self.query(expression)
        assert len(series) == 1, (expression, series)
        return float(series[0]["value"][1])


@pytest.fixture(scope="module")
def watched(
    kafka: str, redis_server: RedisServer, samples: Path, prometheus_programs: PrometheusPrograms
) -> Iterator[Watched]:
    """Good and bad uploads and engagement through one worker, read every second from its start."""
    with (
        scratch_dir() as folder,
        Pipeline.opened(
            folder,
            bootstrap_servers=kafka,
            redis_url=redis_server.url,
            media_roots=[samples],
            partitions=2,
            metrics_port="0",
            engagement_summary_interval_seconds="1",
        ) as pipeline,
    ):
        port = pipeline.start_worker().ready["metrics_port"]
        with PrometheusServer(
            folder / "prometheus", prometheus_programs, CONFIGURATION, [f"127.0.0.1:{port}"]
        ) as server:
            yield _watch(pipeline, server, samples)


def _watch(pipeline: Pipeline, server: PrometheusServer, samples: Path) -> Watched:
    await_value(lambda: server.query("vidsignal_build_info") or None, WAIT_SECONDS, lambda: "Prometheus reads nothing")
    markets = Counter({"DE": 3, "US": 2, "other": 1, "none": 1})
    names = _publish(pipeline, samples)
    pipeline.await_verdicts(names, 300)
    _engage(pipeline, "v-quick")
    review = pipeline.command("review", "v-missing", "--action", "block", "--by", "tests", "--note", "no film, no show")
    assert review.returncode == 0, review.stderr
    await_value(lambda: _reviewed(pipeline, "v-missing"), WAIT_SECONDS, lambda: "the review changed nothing")
    await_value(lambda: _summed_up(pipeline, "v-quick"), WAIT_SECONDS, lambda: "no summary has all engagement")
    pipeline.await_handled("intake", "media", "engagement", "verdict")
    seen_unix_seconds = _read_again(server)
    causes = Counter(dead_letter.cause for dead_letter in pipeline.dead_letters())
    num_published = len(pipeline.records(MODERATION.name))
    return Watched(server, seen_unix_seconds, pipeline.verdicts(), causes, num_published, markets)


def _reviewed(pipeline: Pipeline, video_id: str) -> bool | None:
    return True if pipeline.verdicts()[video_id].reviewed is not None else None


def _summed_up(pipeline: Pipeline, video_id: str) -> bool | None:
    """Whether the log has the last summary that there will be."""
    summaries = [fact for fact in pipeline.facts() if isinstance(fact, EngagementSummary) and fact.video_id == video_id]
    return True if summaries and sum(summaries[-1].counts.values()) == NUM_EVENTS else None


def _read_again(server: PrometheusServer) -> float:
    """Wait until Prometheus has read the worker after now, and no record waits in what it read; returns when."""
    now_unix_seconds = time.time()

    def seen() -> float | None:
        read = server.query('timestamp(vidsignal_build_info{role="verdict"})')
        moment = float(read[0]["value"][1]) if read else 0.0
        is_level = moment > now_unix_seconds and server.query("sum(vidsignal_consumer_lag) == 0", moment)
        return moment if is_level else None

    return await_value(seen, WAIT_SECONDS, lambda: f"records wait: {server.query('vidsignal_consumer_lag > 0')}")


def _publish(pipeline: Pipeline, samples: Path) -> list[str]:
    """Seven uploads, one rude, one without its file, the longest last and with no time; two non-events. Returns ids."""
    clips = ["car-telephone.mkv", "carphone_distorted.mp4", "sample.wav", "crowd.mp3", "park.mp4"]
    uploads = [
        upload_of(samples / clips[1], "v-rude", market="DE", **RUDE),
        upload_of(samples / clips[2], "v-words", market="DE", title="A telephone call"),
        upload_of(samples / clips[3], "v-crowd", market="US", title="Applause"),
        upload_of(samples / clips[4], "v-park", market="US", title="In the park"),
        upload_of(samples / clips[4], "v-nowhere", market="ZZ", title="Nowhere"),
        upload_of(samples / "missing.mp4", "v-missing", title="Missing"),
        upload_of(samples / clips[0], "v-quick", market="DE", title="Cars", deadline_seconds=0.1),
    ]
    pipeline.publish(*uploads)
    pipeline.publish_bytes(b"not json")
    pipeline.publish_bytes(json.dumps({"video_id": "v-none"}).encode(), key="v-none")
    return [upload.video_id for upload in uploads]


def _engage(pipeline: Pipeline, video_id: str) -> None:
    producer = Producer(producer_configuration(pipeline.settings))
    for number in range(NUM_EVENTS):
        event = {
            "event_id": f"e-{number}",
            "video_id": video_id,
            "kind": "view" if number % 2 else "impression",
            "event_unix_seconds": time.time(),
        }
        producer.produce(pipeline.topic(ENGAGEMENT.name), key=video_id, value=json.dumps(event))
    producer.produce(pipeline.topic(ENGAGEMENT.name), key=video_id, value=b"not json")
    assert producer.flush(60) == 0


def spelled(expression: str) -> str:
    """The expression with Grafana's own words replaced."""
    return expression.replace("$__rate_interval", WINDOW).replace("$market", ".*")


def has_data(series: list[dict[str, Any]]) -> bool:
    """Whether at least one series has a number."""
    return any(each["value"][1] not in ("NaN", "+Inf", "-Inf") for each in series)


PANELS = [(panel, query) for dashboard in DASHBOARDS.values() for panel in dashboard.panels for query in panel.queries]


class TestPanels:
    def test_each_shows_data_or_is_quiet_on_purpose(self, watched: Watched) -> None:
        """Every query of every panel is answered with a number; those that are not are named, with a reason."""
        quiet = {
            (panel.title, query.legend)
            for panel, query in PANELS
            if not has_data(watched.query(spelled(query.expression)))
        }
        assert quiet == set(QUIET_PANELS)

    def test_shares_are_shares(self, watched: Watched) -> None:
        """What is shown as a share is between 0 and 1."""
        shares: list[Panel] = [panel for panel, _ in PANELS if panel.unit == "percentunit" and panel.highest == 1]
        assert shares
        for panel in shares:
            for query in panel.queries:
                values = [float(each["value"][1]) for each in watched.query(spelled(query.expression))]
                assert [value for value in values if value < 0 or value > 1.05] == [], panel.title


class TestAlerts:
    def test_rules_are_taken(self, watched: Watched) -> None:
        """Prometheus evaluates every rule without an error."""
        rules = watched.server.alert_rules()
        assert rules
        assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []

    def test_each_looks_at_series_that_exist(self, watched: Watched) -> None:
        """Every selector of every rule finds series; those that do not are named, with a reason."""
        wanted = {found.text for rule in watched.server.alert_rules() for found in selectors(rule["query"])}
        quiet = {selector for selector in wanted if not watched.query(f"count({selector})")}
        assert quiet == set(QUIET_SELECTORS)

    def test_a_healthy_worker_wakes_nobody(self, watched: Watched) -> None:
        """Neither bad uploads nor a passed deadline is a reason to page somebody."""

        def active() -> list[str]:
            rules = [rule for rule in watched.server.alert_rules() if rule["labels"]["severity"] == "page"]
            return [rule["name"] for rule in rules if rule["state"] != "inactive"]

        # One that waits for its time because a reading came late is given up with the next reading.
        await_value(lambda: None if active() else True, WAIT_SECONDS, lambda: f"active: {active()}")


class TestTruth:
    def test_decisions(self, watched: Watched) -> None:
        """Each upload is decided once, in its market, and every publication is counted."""
        assert watched.number('sum(vidsignal_decisions_total{previous_action="none"})') == len(watched.verdicts)
        by_market = watched.query('sum by (market) (vidsignal_decisions_total{previous_action="none"})')
        assert {each["metric"]["market"]: float(each["value"][1]) for each in by_market} == dict(watched.markets)
        assert watched.number("sum(vidsignal_verdicts_total)") == watched.num_published_verdicts
        assert watched.number('vidsignal_events_out_total{topic="video.moderation"}') == watched.num_published_verdicts

    def test_actions(self, watched: Watched) -> None:
        """The actions that stand are those of the verdicts, and the rude one's labels are counted in its market."""
        for action in ("allow", "limit", "review", "block"):
            entered = watched.number(f'sum(vidsignal_decisions_total{{action="{action}"}})')
            left = watched.query(f'sum(vidsignal_decisions_total{{previous_action="{action}"}})')
            standing = entered - (float(left[0]["value"][1]) if left else 0.0)
            assert standing == sum(verdict.action == action for verdict in watched.verdicts.values()), action
        rude = {reason.label for reason in watched.verdicts["v-rude"].reasons if reason.label}
        found = watched.query('vidsignal_decision_labels_total{market="DE"}')
        assert rude and rude <= {each["metric"]["label"] for each in found}

    def test_the_review(self, watched: Watched) -> None:
        """A person took one video out of the review, and the hasty one's final verdict another."""
        assert watched.number('sum(vidsignal_decisions_total{previous_action="review", decided_by="person"})') == 1
        assert watched.number('sum(vidsignal_decisions_total{previous_action="review", decided_by="policy"})') == 1

    def test_the_hasty_one_was_provisional_and_then_amended(self, watched: Watched) -> None:
        """A deadline of a tenth of a second passes first; the final verdict amends it."""
        assert watched.number('sum(vidsignal_upload_to_verdict_seconds_count{status="provisional"})') == 1
        assert watched.number('sum(vidsignal_amendments_total{before="provisional", after="final"})') == 1

    def test_final_verdicts_are_timed_once(self, watched: Watched) -> None:
        """Publications with fresh engagement are no answers to an upload."""
        count = watched.number('sum(vidsignal_upload_to_verdict_seconds_count{status="final"})')
        assert count == len(watched.verdicts) < watched.num_published_verdicts

    def test_dead_letters(self, watched: Watched) -> None:
        """Dead letters by cause are those of the topic."""
        series = watched.query("sum by (cause) (vidsignal_dead_letters_total) > 0")
        assert {each["metric"]["cause"]: float(each["value"][1]) for each in series} == dict(watched.causes)
        assert watched.causes == {"event-not-json": 2, "event-invalid": 1, "media-missing": 1}

    def test_engagement(self, watched: Watched) -> None:
        """Every event is counted once."""
        assert watched.number('vidsignal_engagement_events_total{result="counted"}') == NUM_EVENTS
        assert watched.number('vidsignal_engagement_events_total{result="refused"}') == 1
        assert watched.number('vidsignal_engagement_kinds_total{kind="view"}') == NUM_EVENTS / 2

    def test_modalities(self, watched: Watched) -> None:
        """One state for each modality of each decided video; the missing file's three have failed."""
        assert watched.number("sum(vidsignal_decided_modalities_total)") == 4 * len(watched.verdicts)
        assert watched.number('sum(vidsignal_decided_modalities_total{state="failed"})') == 3
