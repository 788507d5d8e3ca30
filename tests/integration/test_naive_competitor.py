"""The simplest competitor of `vidsignal bench pipeline` does the pipeline's work, or its figure means nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ops.assets.cache import default_cache_dir
from ops.assets.weights import fetch_weights
from ops.bench.naive.worker import NaiveAnalysis
from schemas.uploads import FileSource, VideoUploaded
from streams.analysis.agents.agent_registry import AGENTS

pytestmark = pytest.mark.integration


def test_the_naive_agent_finds_what_is_in_a_clip(samples: Path) -> None:
    """All of the pipeline's agents run over its full decode: pictures, sound, movement and text are described."""
    cache_dir = default_cache_dir()
    fetch_weights(cache_dir)
    source = FileSource(path=str(samples / "obama_speech.mp4"))
    upload = VideoUploaded(video_id="naive", title="a speech about jobs", source=source)
    found = asyncio.run(NaiveAnalysis(cache_dir).of(upload, 1.0))
    assert set(found) == set(AGENTS)
    assert all(each.is_present and each.features for each in found.values())
    assert found["audio"].features["audio.speech_ratio"].value > 0.5
