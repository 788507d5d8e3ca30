"""Where uploads say that their media lie: real clips, from a folder and from a web server, or nowhere in particular."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.assets.cache import default_cache_dir
from ops.assets.samples import fetch_samples, samples_dir
from tests.chaos.judge.expected import MISSING_MEDIA
from tests.chaos.options import MediaForm
from tests.chaos.traffic.traffic import Source
from tests.support.http_origin import HttpOrigin

_LIGHT_CLIPS: Final = ("park.mp4", "carphone_distorted.mp4", "bikes-portrait.mp4")
_MISSING_SHARE: Final = 0.03
_FETCHED_SHARE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Media:
    """What uploads name, and the settings with which workers may read it."""

    source: Source
    environment: dict[str, str]


@contextmanager
def open_media(form: MediaForm) -> Iterator[Media]:
    """Serve the clips while they are needed; the stand-in needs none."""
    if form == "stand-in":
        yield Media(lambda _: {"kind": "file", "path": "/media/clip.mp4"}, {})
        return
    fetch_samples(default_cache_dir())
    folder = samples_dir(default_cache_dir())
    with HttpOrigin() as origin:
        urls = {clip: origin.put(f"/{clip}", folder / clip) for clip in _LIGHT_CLIPS}
        allowed = {"VIDSIGNAL_MEDIA_ROOTS": str(folder), "VIDSIGNAL_ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"}
        yield Media(lambda chance: _choose(chance, folder, urls), allowed)


def _choose(chance: random.Random, folder: Path, urls: dict[str, str]) -> dict[str, Any]:
    clip, dice = chance.choice(_LIGHT_CLIPS), chance.random()
    if dice < _MISSING_SHARE:
        return {"kind": "file", "path": str(folder / f"{MISSING_MEDIA}-{chance.getrandbits(32):08x}.mp4")}
    if dice < _MISSING_SHARE + _FETCHED_SHARE:
        return {"kind": "url", "url": urls[clip]}
    return {"kind": "file", "path": str(folder / clip)}
