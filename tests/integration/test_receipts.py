"""Receipts add up: what they say that videos cost is what the kernel charged the worker and its decoders."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ops.assets.sample_uploads import sample_uploads
from ops.local.metrics_page import read_metrics
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.facts import Signal
from schemas.outcomes import Verdict
from streams.costs.cpu_account import PROCESS_STAGES
from streams.decision.cost import spent_by, spent_by_decode
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

TOLERANCE_RATIO = 0.1
BROKEN = "broken.mp4"
ON_HOST = {"text-detection", "text-recognition"}
"""Models that run on host threads, whose CPU time counts with the operators."""


@dataclass(frozen=True)
class Reading:
    """A worker's CPU seconds: by the kernel, and by its own account."""

    kernel_seconds: float
    stages: dict[str, float]

    def since(self, before: Reading) -> Reading:
        """What came after."""
        stages = {stage: self.stages[stage] - before.stages[stage] for stage in self.stages}
        return Reading(self.kernel_seconds - before.kernel_seconds, stages)


@dataclass(frozen=True)
class TrackedOffsets:
    """A run with everything that was counted in it."""

    pipeline: Pipeline
    at_ready: Reading
    at_end: Reading
    signals: list[Signal]
    verdicts: dict[str, Verdict]

    @property
    def run(self) -> Reading:
        """From ready to the last verdict."""
        return self.at_end.since(self.at_ready)

    def on_receipts(self) -> float:
        """CPU seconds of all signals, each decode once."""
        decodes = {signal.receipt.decode.decode_id: signal.receipt for signal in self.signals if signal.receipt.decode}
        spent = [spent_by(signal.receipt) for signal in self.signals]
        spent += [spent_by_decode(receipt) for receipt in decodes.values()]
        return math.fsum(seconds for each in spent for seconds in each.cpu_seconds.values())


@pytest.fixture(scope="module")
def tracked_offsets(kafka: str, redis_server: RedisServer, samples: Path) -> Iterator[TrackedOffsets]:
    """Sample clips, and a file that is none, through one worker with all roles."""
    with scratch_dir() as folder:
        (folder / BROKEN).write_bytes(b"no video at all" * 1000)
        with Pipeline.opened(
            folder,
            bootstrap_servers=kafka,
            redis_url=redis_server.url,
            media_roots=[samples, folder],
            metrics_port="0",
            usd_per_cpu_hour="3600",  # a dollar a CPU second: what costs says can be read as seconds
            speech_ratio="1",  # ids of files depend on where these are, and so does which of them are drawn
        ) as pipeline:
            yield _kept(pipeline, folder)


def _kept(pipeline: Pipeline, folder: Path) -> TrackedOffsets:
    worker = pipeline.start_worker()
    process, port = psutil.Process(worker.child.pid), worker.ready["metrics_port"]
    at_ready = _settled(process, port)
    uploads = [*sample_uploads(pipeline.settings.cache_dir)[::2], upload_of(folder / BROKEN, BROKEN, market="DE")]
    pipeline.publish(*uploads)
    verdicts = pipeline.await_verdicts([upload.video_id for upload in uploads], 600)
    at_end = _settled(process, port)
    signals = [fact for fact in pipeline.facts() if isinstance(fact, Signal)]
    return TrackedOffsets(pipeline, at_ready, at_end, signals, verdicts)


def _settled(process: psutil.Process, port: int) -> Reading:
    """The kernel's reading, and the first of the account that is as late."""
    kernel_seconds = _tree_cpu_seconds(process)

    def caught_up() -> Reading | None:
        page = read_metrics(port)
        stages = {stage: page.total("vidsignal_cpu_seconds_total", stage=stage) for stage in PROCESS_STAGES}
        return Reading(_tree_cpu_seconds(process), stages) if sum(stages.values()) >= kernel_seconds else None

    return await_value(caught_up, 120, lambda: f"the account never reached {kernel_seconds} CPU seconds")


def _tree_cpu_seconds(process: psutil.Process) -> float:
    """The worker's own time, its decoders' and that of children that ended."""
    while True:
        own = process.cpu_times()
        ended = own.children_user + own.children_system
        try:
            living = [child.cpu_times() for child in process.children(recursive=True)]
        except psutil.NoSuchProcess:  # a child ended meanwhile: its time is among the ended now
            continue
        return float(own.user + own.system + ended + sum(times.user + times.system for times in living))


class TestReceiptsAddUp:
    def test_stages_are_all_that_the_kernel_charged(self, tracked_offsets: TrackedOffsets) -> None:
        """The account of the process lacks nothing and invents nothing, from its first instruction on."""
        for reading in (tracked_offsets.at_ready, tracked_offsets.run):
            assert sum(reading.stages.values()) == pytest.approx(reading.kernel_seconds, rel=TOLERANCE_RATIO)

    def test_start_up_is_told_apart(self, tracked_offsets: TrackedOffsets) -> None:
        """Loading and warming up models is most of what a worker used when it is ready, and nothing of a run."""
        assert tracked_offsets.at_ready.stages["startup"] > 0.8 * tracked_offsets.at_ready.kernel_seconds
        assert tracked_offsets.run.stages["startup"] == 0

    def test_receipts_and_idle_time_are_the_run(self, tracked_offsets: TrackedOffsets) -> None:
        """What signals and decodes say, and what was used while nothing was worked on, is what the run took."""
        accounted_seconds = tracked_offsets.on_receipts() + tracked_offsets.run.stages["idle"]
        assert accounted_seconds == pytest.approx(tracked_offsets.run.kernel_seconds, rel=TOLERANCE_RATIO)
        assert tracked_offsets.run.stages["idle"] < 0.2 * tracked_offsets.run.kernel_seconds

    def test_each_stage_on_receipts_is_the_process_s(self, tracked_offsets: TrackedOffsets) -> None:
        """Not only the sum: no stage pays for another."""
        costs = [verdict.cost.cpu_seconds_by_stage for verdict in tracked_offsets.verdicts.values()]
        for stage in ("decode", "operators", "device"):
            told = sum(cost.get(stage, 0.0) for cost in costs)
            told += sum(cost.get("index", 0.0) for cost in costs) if stage == "decode" else 0.0
            assert told == pytest.approx(tracked_offsets.run.stages[stage], rel=TOLERANCE_RATIO), stage

    def test_every_signal_carries_its_share(self, tracked_offsets: TrackedOffsets) -> None:
        """Overhead is on receipts of signals that failed, too; models are named where they worked."""
        assert all(signal.receipt.overhead_cpu_seconds >= 0 for signal in tracked_offsets.signals)
        failed = [signal for signal in tracked_offsets.signals if signal.status == "failed"]
        assert {signal.video_id for signal in failed} == {BROKEN}
        assert sum(signal.receipt.overhead_cpu_seconds for signal in failed) > 0
        decodes = [signal.receipt.decode for signal in failed]
        assert {decode.decode_id for decode in decodes if decode} == {decodes[0].decode_id if decodes[0] else None}
        assert all(decode is not None and decode.cpu_seconds > 0 for decode in decodes)
        frames = [
            signal.receipt for signal in tracked_offsets.signals if signal.modality == "frames" and signal.receipt.items
        ]
        assert frames
        for receipt in frames:
            on_device = {name: part for name, part in receipt.models.items() if name not in ON_HOST}
            assert set(on_device) >= {"efficientnet-lite0", "opennsfw"}
            assert sum(part.items for part in on_device.values()) == receipt.items
            assert sum(part.cpu_seconds for part in on_device.values()) == pytest.approx(receipt.device_cpu_seconds)
            assert sum(receipt.models[name].cpu_seconds for name in ON_HOST & set(receipt.models)) < receipt.cpu_seconds


class TestCostsCommand:
    def test_says_what_the_receipts_say(self, tracked_offsets: TrackedOffsets) -> None:
        """The command reads the same receipts from the log, and its groups add up."""
        answer = tracked_offsets.pipeline.command("costs", "--by", "creator", "--json")
        assert answer.returncode == 0, answer.stderr
        found = json.loads(answer.stdout)["roll_up"]
        assert found["total"]["cpu_seconds"] == pytest.approx(tracked_offsets.on_receipts())
        assert found["total"]["usd"] == pytest.approx(tracked_offsets.on_receipts())
        assert sum(group["usd"] for group in found["groups"]) == pytest.approx(found["total"]["usd"])
        assert found["total"]["num_videos"] == len(tracked_offsets.verdicts)

    def test_draws_a_picture(self, tracked_offsets: TrackedOffsets, tmp_path: Path) -> None:
        """A table for people, and a picture next to it."""
        answer = tracked_offsets.pipeline.command("costs", "--by", "modality", "--plot", str(tmp_path / "costs.png"))
        assert answer.returncode == 0, answer.stderr
        assert "a thousand videos" in answer.stdout
        assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")
