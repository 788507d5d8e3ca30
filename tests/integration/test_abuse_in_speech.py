"""Abuse that is spoken over music reaches the verdict with its seconds, however it is said: by `vidsignal analyze`, so
with all agents, the fold and the default policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from operators.context.recognised_labels import SPOKEN_ABUSE
from ops.evaluate.heard.decoding import RATE_HZ, write_sound
from ops.evaluate.heard.voices import Voices, voices_in
from ops.evaluate.spoken.evasions import LEAD_SECONDS, SPOKEN_EVASIONS, over_music

pytestmark = pytest.mark.integration

ABUSE = "You are a worthless piece of trash. Go and kill yourself, you stupid pig."
HARMLESS = "We finally found the old lighthouse, and the view from the top was beautiful."
VOICE = "en-us+m3"
SAYINGS = {f"abuse {name}": (saying, ABUSE) for name, saying in SPOKEN_EVASIONS.items()} | {
    f"harmless {name}": (saying, HARMLESS) for name, saying in SPOKEN_EVASIONS.items()
}


def write_spoken(path: Path, name: str, voices: Voices) -> float:
    """Write a voice over music; return the second in which it ends."""
    saying, text = SAYINGS[name]
    voice = saying(voices, VOICE, text)
    write_sound(over_music(voice, np.random.default_rng(1)), path)
    return LEAD_SECONDS + len(voice) / RATE_HZ


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], float]]:
    """What `vidsignal analyze` says of each sound, and when its voice ends."""
    folder = tmp_path_factory.mktemp("spoken")
    package = find_spec("espeakng_loader")
    assert package is not None and package.origin is not None
    voices = voices_in(Path(package.origin).parent)
    paths = {name: folder / f"{number}.wav" for number, name in enumerate(SAYINGS)}
    ends = {name: write_spoken(path, name, voices) for name, path in paths.items()}
    ended = subprocess.run(
        [sys.executable, "-m", "ops.cli", "analyze", *map(str, paths.values()), "--json"],
        env={**os.environ, "VIDSIGNAL_SPEECH_RATIO": "1", "VIDSIGNAL_LOG_LEVEL": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    return {name: (each, ends[name]) for name, each in zip(SAYINGS, said, strict=True)}


def heard(said: dict[str, Any]) -> str:
    return " ".join(text["text"] for text in said["texts"])


@pytest.mark.parametrize("evasion", SPOKEN_EVASIONS)
def test_abuse_is_acted_on(spoken: dict[str, tuple[dict[str, Any], float]], evasion: str) -> None:
    """The verdict names the label, and the evidence when it is said; no verdict holds the words around it."""
    said, end_seconds = spoken[f"abuse {evasion}"]
    verdict = said["verdict"]
    assert verdict["action"] in ("limit", "review"), heard(said)
    assert SPOKEN_ABUSE in {reason.get("label") for reason in verdict["reasons"]}, heard(said)
    evidence = [found for found in verdict["labels"] if found["label"] == SPOKEN_ABUSE]
    segments = [segment for found in evidence for segment in found["segments"]]
    assert segments
    for segment in segments:
        assert LEAD_SECONDS - 1.0 <= segment["start_seconds"] < segment["end_seconds"] <= end_seconds + 1.0
    assert "worthless piece of trash" not in json.dumps(verdict)


@pytest.mark.parametrize("evasion", SPOKEN_EVASIONS)
def test_harmless_speech_passes(spoken: dict[str, tuple[dict[str, Any], float]], evasion: str) -> None:
    """The same voice says something else in the same ways: it is heard, and nothing is done."""
    said, _ = spoken[f"harmless {evasion}"]
    assert heard(said)
    assert SPOKEN_ABUSE not in {reason.get("label") for reason in said["verdict"]["reasons"]}
    assert said["verdict"]["action"] == "allow"
