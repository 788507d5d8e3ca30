"""All agents with the real decoder and the real models on the sample clips, against what is true of them."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from msgspec import UNSET

from models.card_registry import CARDS
from models.loaders import load_module
from operators.class_names import load_class_names
from operators.context.text_models import load_text_models
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.inference import Inference
from operators.inference.request_context import RequestContext
from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from ops.assets.cache import default_cache_dir
from ops.assets.clip import SampleClip
from ops.assets.sample_registry import SAMPLE_CLIPS
from ops.assets.weights import fetch_weights
from schemas.identity import Modality
from schemas.uploads import FileSource, VideoUploaded
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.analysis import AgentWork, Analysis
from streams.analysis.agents.host_threads import ThreadedHost
from tests.clip_facts import CLIP_FACTS, Range
from tests.opened_files import LocalFiles

pytestmark = pytest.mark.integration

MOTION_INTERVAL_SECONDS = 0.125
"""The motion track holds 12 frames a second at most, so a cut is known to one interval; of 25 a second, every third."""

Analyses = dict[str, dict[Modality, Analysis]]

CLIPS = [clip.file_name for clip in SAMPLE_CLIPS]
PICTURES = {name: facts.pictures for name, facts in CLIP_FACTS.items() if facts.pictures}
SOUNDS = {name: facts.sound for name, facts in CLIP_FACTS.items() if facts.sound}
STILL_CAMERAS = ["bigbuckbunny.mp4", "obama_speech.mp4", "speech-over-music.mov", "small.mp4"]
"""Clips in which the frame around the moving things never shifts, by looking at their frames."""


@pytest.fixture(scope="module")
def analyses(samples: Path) -> Analyses:
    """Every clip analysed once, all at the same time."""
    fetch_weights(default_cache_dir())
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    return asyncio.run(_analyse_all(samples, default_cache_dir()))


async def _analyse_all(samples: Path, cache_dir: Path) -> Analyses:
    pool, host = DecoderPool(1), ThreadedHost(2)
    await pool.open()
    inference = await Inference.open(
        [card for card in CARDS.values() if card.batch_sizes],
        partial(load_module, cache_dir=cache_dir),
        open_backend("cpu", BackendConfig(num_threads=1)),
    )
    parts = {"inference": inference, "host": host}
    parts |= {"text": load_text_models(cache_dir), "class_names": load_class_names(cache_dir)}
    sessions = MediaSessions(pool, LocalFiles(samples))
    try:
        found = await asyncio.gather(*(_analyse(clip, samples, sessions, parts) for clip in SAMPLE_CLIPS))
    finally:
        await inference.close()
        await pool.close()
        host.close()
    return {clip.file_name: each for clip, each in zip(SAMPLE_CLIPS, found, strict=True)}


async def _analyse(
    clip: SampleClip, samples: Path, sessions: MediaSessions, parts: dict[str, Any]
) -> dict[Modality, Analysis]:
    path = str(samples / clip.file_name)
    text = {"title": clip.upload.title, "description": clip.upload.description} if clip.upload else {}
    upload = VideoUploaded(video_id=clip.file_name, source=FileSource(path=path), **text)
    async with sessions.open(clip.file_name, upload.source) as session:
        work = AgentWork(
            upload=upload,
            event_unix_seconds=0.0,
            session=session,
            context=RequestContext(clip.file_name, "live", float("inf")),
            **parts,
        )
        found = await asyncio.gather(*(agent.analyse(work) for agent in AGENTS.values()))
    return dict(zip(AGENTS, found, strict=True))


def value(analysis: Analysis, name: str) -> Any:
    return analysis.features[name].value


def is_within(number: float, ends: Range) -> bool:
    return ends[0] <= number <= ends[1]


class TestFacts:
    def test_every_clip_has_facts(self) -> None:
        """A clip that joins the registry is looked at first."""
        assert set(CLIP_FACTS) == set(CLIPS)


class TestMotion:
    @pytest.mark.parametrize("name", PICTURES)
    def test_cuts(self, analyses: Analyses, name: str) -> None:
        """Every cut is found within one interval of the motion track, and nothing else is taken for one."""
        found = value(analyses[name]["motion"], "motion.cut_times_seconds")

        assert found == pytest.approx(list(PICTURES[name].cuts_seconds), abs=MOTION_INTERVAL_SECONDS)

    @pytest.mark.parametrize("name", STILL_CAMERAS)
    def test_still_camera(self, analyses: Analyses, name: str) -> None:
        """A camera that stands moves by less than a twentieth of the picture's width a second."""
        steps = value(analyses[name]["motion"], "motion.energy")

        assert sum(step["camera"] for step in steps) / len(steps) < 0.05


class TestAudio:
    @pytest.mark.parametrize("name", SOUNDS)
    def test_shares(self, analyses: Analyses, name: str) -> None:
        """Speech and music take the share of time that they have."""
        sound, analysis = SOUNDS[name], analyses[name]["audio"]

        assert is_within(value(analysis, "audio.speech_ratio"), sound.speech_ratio)
        assert is_within(value(analysis, "audio.music_ratio"), sound.music_ratio)

    @pytest.mark.parametrize("name", [name for name, sound in SOUNDS.items() if sound.first_voice_seconds])
    def test_first_voice(self, analyses: Analyses, name: str) -> None:
        """The first segment of voice begins with the first words."""
        segments = value(analyses[name]["audio"], "audio.voice_segments")

        assert is_within(segments[0]["start_seconds"], SOUNDS[name].first_voice_seconds or (0.0, 0.0))

    @pytest.mark.parametrize("name", ["crowd.mp3", "city-ovation.webm"])
    def test_applause_throughout(self, analyses: Analyses, name: str) -> None:
        """What is heard all the time is the best event."""
        assert value(analyses[name]["audio"], "audio.events")[0]["name"] == SOUNDS[name].loudest_event

    @pytest.mark.parametrize("name", [name for name in CLIPS if name not in SOUNDS])
    def test_no_sound(self, analyses: Analyses, name: str) -> None:
        """A clip without a sound stream is an answer with nothing in it."""
        assert not analyses[name]["audio"].is_present


class TestFrames:
    @pytest.mark.parametrize("name", PICTURES)
    def test_no_wrong_tag(self, analyses: Analyses, name: str) -> None:
        """A tag names something that fills a good part of the picture; where no class fits, there is none."""
        tags = value(analyses[name]["frames"], "visual.tags")

        assert {tag["name"] for tag in tags} <= set(PICTURES[name].shown)

    @pytest.mark.parametrize("name", PICTURES)
    def test_harmless(self, analyses: Analyses, name: str) -> None:
        """No clip shows nudity or firearms, and none is said to."""
        decisive = [label for label in analyses[name]["frames"].labels if label.held_back is UNSET]
        assert max(label.score for label in decisive) < 0.2

    @pytest.mark.parametrize("name", [name for name in CLIPS if name not in PICTURES])
    def test_no_pictures(self, analyses: Analyses, name: str) -> None:
        """Sound alone has neither frames nor motion."""
        assert not analyses[name]["frames"].is_present
        assert not analyses[name]["motion"].is_present


class TestContext:
    @pytest.mark.parametrize("name", [name for name in CLIPS if CLIP_FACTS[name].language])
    def test_language(self, analyses: Analyses, name: str) -> None:
        """The language of title and description."""
        assert value(analyses[name]["context"], "context.language") == CLIP_FACTS[name].language
