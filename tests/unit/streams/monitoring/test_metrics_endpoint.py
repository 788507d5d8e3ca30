"""The endpoint for Prometheus and `vidsignal top`."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from ops.top.scrape import scrape
from streams.delivery.unfinished import UnfinishedEvents
from streams.monitoring.metrics_endpoint import NUM_SLOWEST, MetricsEndpoint, MetricsPortTaken
from streams.record import Place, Record
from tests.fakes import ManualClock


def record(offset: int, video_id: str = "v") -> Record:
    return Record(Place("video.uploaded", 0, offset), video_id.encode(), b"", (), 0.0, 0)


@pytest.fixture
def events(manual_clock: ManualClock) -> UnfinishedEvents:
    return UnfinishedEvents("media", 1e9, manual_clock)


@pytest.fixture
def endpoint(events: UnfinishedEvents) -> Iterator[MetricsEndpoint]:
    opened = MetricsEndpoint("127.0.0.1", 0, events.events)
    opened.serve()
    yield opened
    opened.close()


def read(endpoint: MetricsEndpoint, path: str) -> bytes:
    with urlopen(f"http://127.0.0.1:{endpoint.port}{path}", timeout=60) as answer:
        return bytes(answer.read())


def test_metrics(endpoint: MetricsEndpoint) -> None:
    """Prometheus finds its page under the usual path."""
    assert b"vidsignal_events_in_total" in read(endpoint, "/metrics")


def test_slowest(endpoint: MetricsEndpoint, events: UnfinishedEvents, manual_clock: ManualClock) -> None:
    """Each unfinished event is named once, the oldest first, with all agents that are still at it."""
    events.begin(record(1, "young"), "frames")
    manual_clock.advance(-5)
    frames = events.begin(record(2, "old"), "frames")
    manual_clock.advance(10)
    audio = events.begin(record(2, "old"), "audio")
    audio.stage = "deferred"
    assert json.loads(read(endpoint, "/slowest")) == [
        {"video_id": "old", "role": "media", "agents": {"audio": "deferred", "frames": "working"}, "age_seconds": 10.0},
        {"video_id": "young", "role": "media", "agents": {"frames": "working"}, "age_seconds": 5.0},
    ]
    events.end(frames)
    events.end(audio)
    assert [event["video_id"] for event in json.loads(read(endpoint, "/slowest"))] == ["young"]


def test_bounded(endpoint: MetricsEndpoint, events: UnfinishedEvents) -> None:
    """However many wait, the answer stays small."""
    for offset in range(NUM_SLOWEST + 50):
        events.begin(record(offset), "frames")
    assert len(json.loads(read(endpoint, "/slowest"))) == NUM_SLOWEST


def test_readable_by_top(endpoint: MetricsEndpoint, events: UnfinishedEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    """`vidsignal top` understands both paths of the real endpoint."""
    monkeypatch.setattr("ops.top.scrape._ANSWER_SECONDS", 60.0)
    events.begin(record(1, "v-1"), "motion")
    found = scrape(f"127.0.0.1:{endpoint.port}")
    assert found.page is not None
    assert [(event.video_id, event.agents) for event in found.slowest] == [("v-1", {"motion": "working"})]


def test_port_taken(endpoint: MetricsEndpoint) -> None:
    """A port that somebody has is told by the settings' names, and is no bug."""
    with pytest.raises(MetricsPortTaken, match=f"VIDSIGNAL_METRICS_PORT {endpoint.port}"):
        MetricsEndpoint("127.0.0.1", endpoint.port, list)


def test_port_before_answers() -> None:
    """The port is chosen before there is anything to tell; until then nobody waits for an answer."""
    opened = MetricsEndpoint("127.0.0.1", 0, list)
    try:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", opened.port), timeout=60)
        opened.serve()
        assert json.loads(read(opened, "/slowest")) == []
    finally:
        opened.close()


def test_two_that_start_at_once() -> None:
    """The later one is told at last, by the same words."""
    first = MetricsEndpoint("127.0.0.1", 0, list)
    second = MetricsEndpoint("127.0.0.1", first.port, list)
    try:
        first.serve()
        with pytest.raises(MetricsPortTaken, match="set VIDSIGNAL_METRICS_PORT to a free port"):
            second.serve()
    finally:
        first.close()
        second.close()
