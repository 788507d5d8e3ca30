"""A frame from two recorded pages: every number below was computed by hand."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ops.local.metrics_page import parse_metrics
from ops.top.frame import frame_of
from ops.top.rows import Frame, SlowRow
from ops.top.scrape import Scrape, SlowEvent
from ops.top.view import printable, view_of

BEFORE = """
process_start_time_seconds 1000
process_cpu_seconds_total 10
vidsignal_build_info{version="1",device="cpu",role="media"} 1
vidsignal_events_in_total{role="media",agent="frames"} 100
vidsignal_events_in_total{role="media",agent="audio"} 100
vidsignal_events_finished_total{role="media",agent="frames"} 90
vidsignal_events_finished_total{role="media",agent="audio"} 95
vidsignal_verdicts_total{status="final",action="allow"} 50
vidsignal_verdicts_total{status="final",action="block"} 0
vidsignal_dead_letters_total{role="media",cause="media-missing"} 1
vidsignal_dead_letters_total{role="media",cause="crash-loop"} 0
vidsignal_batch_items_sum{model="m"} 100
vidsignal_batch_items_count{model="m"} 50
vidsignal_batch_videos_sum{model="m"} 60
vidsignal_batch_videos_count{model="m"} 50
vidsignal_batch_padded_items_total{model="m"} 0
vidsignal_device_seconds_total{model="m",device="cpu"} 1
vidsignal_cost_usd_total 1
vidsignal_energy_joules_total 100
vidsignal_video_cost_usd_count 10
vidsignal_retries_total{reason="redis"} 0
vidsignal_stage_seconds_bucket{stage="fold",le="1"} 0
vidsignal_stage_seconds_bucket{stage="fold",le="+Inf"} 0
vidsignal_stage_seconds_count{stage="fold"} 0
"""
AFTER = """
process_start_time_seconds 1000
process_cpu_seconds_total 15
process_resident_memory_bytes 1048576
vidsignal_build_info{version="1",device="cpu",role="media"} 1
vidsignal_events_in_total{role="media",agent="frames"} 120
vidsignal_events_in_total{role="media",agent="audio"} 118
vidsignal_events_finished_total{role="media",agent="frames"} 100
vidsignal_events_finished_total{role="media",agent="audio"} 115
vidsignal_events_in_flight{role="media"} 6
vidsignal_concurrent_videos{role="media"} 3
vidsignal_max_concurrent_videos{role="media"} 8
vidsignal_consumer_lag{role="media",topic="t",partition="0"} 4
vidsignal_consumer_lag{role="media",topic="t",partition="1"} 7
vidsignal_broker_offsets_known{role="media"} 1
vidsignal_role_state{role="media",state="flowing"} 1
vidsignal_role_state{role="media",state="stalled"} 0
vidsignal_role_stalled_seconds{role="media"} 0
vidsignal_verdicts_total{status="final",action="allow"} 70
vidsignal_verdicts_total{status="final",action="block"} 0
vidsignal_dead_letters_total{role="media",cause="media-missing"} 3
vidsignal_dead_letters_total{role="media",cause="crash-loop"} 0
vidsignal_batch_items_sum{model="m"} 190
vidsignal_batch_items_count{model="m"} 80
vidsignal_batch_videos_sum{model="m"} 120
vidsignal_batch_videos_count{model="m"} 80
vidsignal_batch_padded_items_total{model="m"} 10
vidsignal_device_seconds_total{model="m",device="cpu"} 3
vidsignal_cost_usd_total 1.5
vidsignal_energy_joules_total 150
vidsignal_video_cost_usd_count 20
vidsignal_deferred_events 2
vidsignal_source_breakers_open 1
vidsignal_retries_total{reason="redis"} 5
vidsignal_stage_seconds_bucket{stage="fold",le="1"} 10
vidsignal_stage_seconds_bucket{stage="fold",le="+Inf"} 10
vidsignal_stage_seconds_count{stage="fold"} 10
"""
SLOW = (
    SlowEvent("v-1", "media", {"audio": "deferred", "frames": "working"}, 12.0),
    SlowEvent("v-2", "media", {}, 90.0),
)


@pytest.fixture
def frame() -> Frame:
    before = Scrape("a:1", 0.0, parse_metrics(BEFORE))
    after = Scrape("a:1", 10.0, parse_metrics(AFTER), SLOW)
    down = Scrape("b:1", 10.0, None, problem="Connection refused")
    return frame_of([(before, after), (down, down)], now_unix_seconds=1065.0)


class TestFrame:
    def test_workers(self, frame: Frame) -> None:
        """One is up since 65 s with half a core busy; the other is down, and says why."""
        up, down = frame.workers
        assert (up.is_up, up.roles, up.device, up.uptime_seconds) == (True, ("media",), "cpu", 65.0)
        assert (up.cpu_cores, up.memory_bytes) == (0.5, 1048576.0)
        assert (down.is_up, down.problem) == (False, "Connection refused")
        assert frame.num_up == 1

    def test_roles(self, frame: Frame) -> None:
        """20 came in by the first agent; 10 are finished by the last one, and 11 records wait."""
        (media,) = frame.roles
        assert (media.role, media.events_in_hz, media.events_finished_hz) == ("media", 2.0, 1.0)
        assert (media.lag_records, media.in_flight, media.slots_taken, media.slots) == (11.0, 6.0, 3.0, 8.0)
        assert (media.states, media.stalled_seconds, media.num_unknown) == ({"flowing": 1}, 0.0, 0)

    def test_states_and_lag_of_several_workers(self) -> None:
        """One is stalled for 42 s and one knows nothing: the lag is at least that of the first."""
        rows = fleet(STALLED, UNKNOWN).roles
        assert [(row.lag_records, row.num_unknown, row.stalled_seconds) for row in rows] == [(37.0, 1, 42.0)]
        assert rows[0].states == {"stalled": 1, "unknown": 1}
        assert "1 stalled 42 s, 1 unknown" in shown(fleet(STALLED, UNKNOWN), 140)
        assert "at least 37" in shown(fleet(STALLED, UNKNOWN), 140)

    def test_a_lag_that_nobody_knows_is_no_zero(self) -> None:
        """It is unknown, in words and in JSON."""
        (intake,) = fleet(UNKNOWN).roles
        assert intake.lag_records is None
        line = next(line for line in shown(fleet(UNKNOWN), 140).splitlines() if line.startswith("intake"))
        assert line.split()[1:5] == ["unknown", "0.00", "0.00", "unknown"]

    def test_a_stalled_role_says_since_when(self) -> None:
        """Where the workers do not differ no number stands before the state."""
        assert "stalled 42 s" in shown(fleet(STALLED), 140)
        assert "1 stalled" not in shown(fleet(STALLED), 140)

    def test_models(self, frame: Frame) -> None:
        """30 batches of 90 items and 60 videos, 10 rows of filler among 100, 2 device seconds in 10."""
        (model,) = frame.models
        assert (model.batches_hz, model.items_a_batch, model.videos_a_batch) == (3.0, 3.0, 2.0)
        assert (model.fill_ratio, model.busy_ratio) == (0.9, 0.2)
        assert model.queue_p95_seconds is None

    def test_stages(self, frame: Frame) -> None:
        """Ten folds, all within the first second."""
        (fold,) = frame.stages
        assert (fold.stage, fold.finished_hz, fold.p50_seconds, fold.p95_seconds) == ("fold", 1.0, 0.5, 0.95)

    def test_outcomes(self, frame: Frame) -> None:
        """What never happened is left out."""
        (verdict,) = frame.verdicts
        assert (verdict.status, verdict.action, verdict.published_hz, verdict.total) == ("final", "allow", 2.0, 70.0)
        (dead_letter,) = frame.dead_letters
        assert (dead_letter.role, dead_letter.cause, dead_letter.increase, dead_letter.total) == (
            "media",
            "media-missing",
            2.0,
            3.0,
        )
        assert frame.retries_hz == {"redis": 0.5}
        assert (frame.deferred, frame.breakers_open) == (2.0, 1.0)

    def test_cost(self, frame: Frame) -> None:
        """Half a dollar and 50 J for ten videos in ten seconds: 180 dollars an hour."""
        assert (frame.cost.usd_a_video, frame.cost.joules_a_video) == (0.05, 5.0)
        assert frame.cost.usd_an_hour == pytest.approx(180.0)

    def test_slowest(self, frame: Frame) -> None:
        """The oldest comes first, with the worker that has it."""
        assert frame.slowest[0] == SlowRow("v-2", "media", {}, 90.0, "a:1")
        assert [row.video_id for row in frame.slowest] == ["v-2", "v-1"]

    def test_nothing_but_dead_workers(self) -> None:
        """A fleet that is down is a frame, too."""
        down = Scrape("b:1", 10.0, None, problem="Connection refused")
        frame = frame_of([(down, down)], now_unix_seconds=0.0)
        assert (frame.num_up, frame.roles, frame.slowest) == (0, (), ())
        assert "down" in shown(frame, 100)


STALLED = """
vidsignal_build_info{version="1",device="none",role="intake"} 1
vidsignal_broker_offsets_known{role="intake"} 1
vidsignal_consumer_lag{role="intake",topic="t",partition="0"} 37
vidsignal_role_state{role="intake",state="stalled"} 1
vidsignal_role_state{role="intake",state="unknown"} 0
vidsignal_role_stalled_seconds{role="intake"} 42
"""
UNKNOWN = """
vidsignal_build_info{version="1",device="none",role="intake"} 1
vidsignal_broker_offsets_known{role="intake"} 0
vidsignal_role_state{role="intake",state="stalled"} 0
vidsignal_role_state{role="intake",state="unknown"} 1
vidsignal_role_stalled_seconds{role="intake"} 0
"""


def fleet(*pages: str) -> Frame:
    """A frame of workers that show these pages."""
    scrapes = [Scrape(f"{number}:1", 10.0, parse_metrics(page)) for number, page in enumerate(pages)]
    return frame_of([(scrape, scrape) for scrape in scrapes], 1065.0)


def shown(frame: Frame, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(view_of(frame, width))
    return console.file.getvalue()  # type: ignore[attr-defined]


class TestView:
    @pytest.mark.parametrize("width", [100, 140])
    def test_says_everything(self, frame: Frame, width: int) -> None:
        """Narrow or wide, each part is shown."""
        text = shown(frame, width)
        for words in (
            "1 of 2 workers up",
            "Connection refused",
            "3 of 8",
            "media-missing",
            "waiting for redis",
            "90.0 s",
        ):
            assert words in text
        assert "frames working" in text
        assert "$0.05" in text

    def test_ids_are_texts(self, frame: Frame) -> None:
        """An id chosen by a producer neither colours nor moves the terminal."""
        assert printable("v\x1b[31m\n") == "v?[31m?"
        bad = SlowEvent("[red]v\x1b[2J", "media", {}, 1.0)
        scrape = Scrape("a:1", 10.0, parse_metrics(AFTER), (bad,))
        text = shown(frame_of([(scrape, scrape)], 1065.0), 140)
        assert "[red]v?[2J" in text
        assert "\x1b" not in text
