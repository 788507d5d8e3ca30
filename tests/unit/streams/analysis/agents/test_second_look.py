"""A label that one sampled frame of a video would decide: inserts are kept, slips are cleared, from file to verdict."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from operators.media.neighbours import Neighbourhood
from operators.media.plan import PlanPolicy
from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from operators.media.tracks import SampledFrame
from schemas.evidence import UNMEASURED, LabelEvidence, SecondLook
from schemas.facts import Signal
from schemas.outcomes import ModalityStates
from schemas.uploads import FileSource
from streams.analysis.agents import frames
from streams.analysis.agents.analysis import Analysis
from streams.decision.decide import Decision, decide
from streams.decision.policy_file import load_policy
from tests.opened_files import LocalFiles
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import IMAGE_NAMES, FakeBatcher, FakeSession, constant, work_of

HZ = 25
EXPLICIT_SCORE = 0.72
"""Of the model of these tests: `limit` by thresholds alone."""


def red_is_explicit(pixels: np.ndarray) -> tuple[np.ndarray, ...]:
    """A model that takes red pictures for explicit ones."""
    red, green, _ = pixels.reshape(-1, 3).mean(axis=0)
    return (np.array(EXPLICIT_SCORE if red > green + 60 else 0.1, np.float32),)


def scene(number: int, *, is_red: bool) -> np.ndarray:
    """A textured picture that drifts, grey or red."""
    texture = np.random.default_rng(5).integers(60, 120, (18, 40)).repeat(10, 0).repeat(10, 1).astype(np.uint8)
    drifted = np.roll(texture, number, axis=1)[:, :320]
    return np.stack([drifted + 130 * is_red, drifted, drifted], axis=2).astype(np.uint8)


def write_clip(path: Path, inserts: Sequence[tuple[float, float]], seconds: float = 8.0, gop: int = 50) -> None:
    """A grey clip, red during the inserts."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", HZ, options={"crf": "20", "g": str(gop), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(round(seconds * HZ)):
            is_red = any(start <= (number + 0.5) / HZ < end for start, end in inserts)
            frame = av.VideoFrame.from_ndarray(scene(number, is_red=is_red), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    """One decoder process."""
    pool = DecoderPool(1)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def sessions(pool: DecoderPool, tmp_path: Path) -> MediaSessions:
    """Over one folder."""
    return MediaSessions(pool, LocalFiles(tmp_path))


async def analysed(sessions: MediaSessions, name: str) -> Analysis:
    async with sessions.open(name, FileSource(path=name)) as session:
        work = work_of(session, opennsfw=FakeBatcher(red_is_explicit))  # type: ignore[arg-type]
        return await frames.analyse(work)


def nudity(analysis: Analysis) -> LabelEvidence:
    return next(label for label in analysis.labels if label.label == "sexual/explicit/nudity")


def decided(analysis: Analysis) -> Decision:
    signal = Signal(
        signal_id="s", video_id="v", revision=1, modality="frames", status="ok", generation=1, fingerprint="f",
        produced_unix_seconds=0.0, labels=analysis.labels,
    )  # fmt: skip
    return decide(load_policy(None), [signal], ModalityStates(present=("frames",)), None)


class TestInserts:
    @pytest.mark.parametrize(
        ("num_frames", "num_agree"), [(1, 1), (5, 3), (12, 5), (25, 7)], ids=["1 frame", "0.2 s", "0.5 s", "1 s"]
    )
    async def test_in_the_middle(
        self, sessions: MediaSessions, tmp_path: Path, num_frames: int, num_agree: int
    ) -> None:
        """An insert that one sampled frame meets is at least reviewed, and the reason says how many frames agree."""
        start = 4.48 - num_frames // 2 / HZ
        write_clip(tmp_path / "insert.mp4", [(start, start + num_frames / HZ)])

        analysis = await analysed(sessions, "insert.mp4")
        decision = decided(analysis)

        assert nudity(analysis).score == pytest.approx(EXPLICIT_SCORE)
        assert decision.action == "review"
        assert f"({num_agree} of 7 frames around 0:04 agree)" in decision.reasons[0].words

    @pytest.mark.parametrize("start", [0.0, 7.4])
    async def test_at_the_ends(self, sessions: MediaSessions, tmp_path: Path, start: float) -> None:
        """At the first and last pictures there are fewer to look at, and the insert is reviewed all the same."""
        write_clip(tmp_path / "ends.mp4", [(start, start + 0.6)])

        assert decided(await analysed(sessions, "ends.mp4")).action == "review"

    async def test_several(self, sessions: MediaSessions, tmp_path: Path) -> None:
        """Each of several inserts is looked at, by one second decode."""
        write_clip(tmp_path / "several.mp4", [(1.4, 1.6), (5.4, 5.6)])

        assert "(3 of 7 frames around 0:01 agree)" in decided(await analysed(sessions, "several.mp4")).reasons[0].words

    async def test_of_a_long_video(self, pool: DecoderPool, tmp_path: Path) -> None:
        """A keyframe that is looked at in passing has neighbours, too."""
        write_clip(tmp_path / "long.mp4", [(12.0, 16.0)], seconds=24.0, gop=100)
        policy = PlanPolicy(full_decode_max_seconds=8.0, full_decode_max_packets=100)
        analysis = await analysed(MediaSessions(pool, LocalFiles(tmp_path), policy), "long.mp4")

        look = nudity(analysis).second_look
        assert isinstance(look, SecondLook)
        assert (look.num_frames, look.is_cleared) == (7, False)
        assert 12.0 <= look.at_seconds < 16.0

    async def test_harmless(self, sessions: MediaSessions, tmp_path: Path) -> None:
        """A harmless video is decoded once."""
        write_clip(tmp_path / "calm.mp4", [])
        async with sessions.open("calm", FileSource(path="calm.mp4")) as session:
            asked: list[Sequence[float]] = []
            session.look_around = asked.append  # type: ignore[method-assign, assignment]
            analysis = await frames.analyse(work_of(session, opennsfw=FakeBatcher(red_is_explicit)))  # type: ignore[arg-type]

        assert asked == []
        assert decided(analysis).action == "allow"

    async def test_still_picture(self, sessions: MediaSessions, tmp_path: Path) -> None:
        """A still picture has no neighbours: its score decides, as the thresholds say."""
        with av.open(str(tmp_path / "still.png"), "w") as container:
            stream = container.add_stream("png", 1)
            stream.width, stream.height, stream.pix_fmt = 320, 180, "rgb24"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(0, is_red=True), "rgb24")))
            container.mux(stream.encode(None))
        analysis = await analysed(sessions, "still.png")

        assert not isinstance(nudity(analysis).second_look, SecondLook)
        assert decided(analysis).action == "limit"


class TestSlips:
    def frames(self) -> tuple[list[SampledFrame], Neighbourhood]:
        """Four sampled frames of one picture, and frames around the second of them."""
        pixels = np.random.default_rng(1).integers(0, 256, (256, 455, 3), dtype=np.uint8)
        sampled = [SampledFrame(0.5 + number, pixels) for number in range(4)]
        around = [SampledFrame(1.5 + step / HZ, pixels) for step in (-10, -3, -1, 1, 3, 10)]
        return sampled, Neighbourhood(tuple(around), 0.25)

    def slipping(self, model: str, output: str, place: int, score: float) -> FakeBatcher:
        """A model that is sure of the second item that it is given, and of no other."""
        high, low = constant(model, **{output: {place: score}}), constant(model)
        batcher = FakeBatcher(lambda item: (high if len(batcher.items) == 2 else low).answer(item))
        return batcher

    @pytest.mark.parametrize(
        ("model", "output", "place", "label"),
        [("opennsfw", "nsfw", 0, "nudity"), ("efficientnet-lite0", "probabilities", 2, "firearm-visible")],
    )
    async def test_cleared(self, model: str, output: str, place: int, label: str) -> None:
        """One frame of a picture that seven others show calmly decides nothing, for either image model."""
        sampled, around = self.frames()
        session = FakeSession(sampled, around=around)
        batchers = {model.replace("-", "_"): self.slipping(model, output, place, 0.95)}
        analysis = await frames.analyse(work_of(session, **batchers))

        (found,) = [each for each in analysis.labels if each.label.endswith(label)]
        assert found.second_look == SecondLook(at_seconds=1.5, num_frames=7, num_agree=1, is_cleared=True)
        assert found.score == 0.0
        assert session.looked_around == [[1.5]]
        assert decided(analysis).action == "allow"

    async def test_labels_that_decide_nothing_get_none(self) -> None:
        """A bottle of beer costs no second decode."""
        sampled, around = self.frames()
        session = FakeSession(sampled, around=around)
        batcher = self.slipping("efficientnet-lite0", "probabilities", IMAGE_NAMES.index("beer bottle"), 0.95)
        analysis = await frames.analyse(work_of(session, efficientnet_lite0=batcher))

        (found,) = [each for each in analysis.labels if each.label.endswith("alcohol-visible")]
        assert (found.score, found.held_back) == (pytest.approx(0.95), UNMEASURED)
        assert session.looked_around == []

    async def test_nothing_to_look_at(self) -> None:
        """Where the second decode brings nothing, the hit stands and is reviewed."""
        sampled, _ = self.frames()
        batcher = self.slipping("opennsfw", "nsfw", 0, EXPLICIT_SCORE)
        decision = decided(await frames.analyse(work_of(FakeSession(sampled), opennsfw=batcher)))

        assert decision.action == "review"
        assert "(no other frame around 0:01 could be looked at)" in decision.reasons[0].words

    async def test_cost(self) -> None:
        """The second decode is on the receipt of the frames, and on no other."""
        sampled, around = self.frames()
        batcher = self.slipping("opennsfw", "nsfw", 0, EXPLICIT_SCORE)
        receipt = (await frames.analyse(work_of(FakeSession(sampled, around=around), opennsfw=batcher))).receipt

        num_on_host = 4 + 6 + 2 + 2  # each picture, then twice all of them together; which detectors look at, and it
        assert receipt.cpu_seconds == pytest.approx(0.25 + num_on_host * fake_work.HOST_CPU_SECONDS)
        assert receipt.items == 4 * 2 + 6 + 2
