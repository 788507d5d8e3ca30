"""The corpus: container x codec x timing structure x what was done to the file, generated from parameters."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from tests.corpus.coded import write_coded
from tests.hostile_media import remuxed

Change = Literal[
    "as it is", "trimmed", "late sound", "late pictures", "late clock", "fragments", "twice", "after another"
]
Size = tuple[int, int]
Layout = Literal["mono", "stereo", "5.1"]

SMALL: Size = (160, 96)
LARGE: Size = (640, 368)
"""From here on pictures that no other needs may be left out."""

EVEN = ("25 a second", "long")
"""Structures of a constant rate, which every container and codec can hold."""


def _phone() -> list[int]:
    chance, times = random.Random(3), [0]
    while times[-1] < 6_000:
        times.append(times[-1] + chance.choice((30, 33, 36, 41, 66, 100)))
    return times


STRUCTURES: Mapping[str, Sequence[int]] = {
    "25 a second": [number * 40 for number in range(120)],
    "long": [number * 40 for number in range(1000)],
    "5 a second": [number * 200 for number in range(40)],
    "1 a second": [number * 1000 for number in range(20)],
    "phone": _phone(),
    "slides": [0, 4000, 9500, 12300, 20000, 21000, 30000, 33000, 36000],
    "a still, then film": [0, *(5000 + number * 40 for number in range(60))],
    "film, then a still": [*(number * 40 for number in range(60)), 9000],
    "a gap": [*(number * 40 for number in range(50)), *(60_000 + number * 40 for number in range(50))],
    "one far behind": [*(number * 40 for number in range(100)), 900_000],
}
"""When each picture is shown, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder and the ways in which it is used."""

    name: str
    options: Mapping[str, str]
    only_even: bool = False
    """Whether it holds constant rates only."""


_X264 = {"preset": "ultrafast", "crf": "20"}
CODECS: Mapping[str, Codec] = {
    "h264": Codec("libx264", {**_X264, "g": "250", "sc_threshold": "0"}),
    "h264 B": Codec("libx264", {"preset": "veryfast", "crf": "20", "g": "50", "bf": "3", "b-pyramid": "none"}),
    "h264 intra": Codec("libx264", {**_X264, "g": "1"}),
    "hevc": Codec("libx265", {"preset": "ultrafast", "x265-params": "log-level=0:pools=1:frame-threads=1", "g": "30"}),
    "hevc closed": Codec(
        "libx265",
        {"preset": "ultrafast", "x265-params": "log-level=0:pools=1:frame-threads=1:open-gop=0", "g": "30"},
    ),
    "mpeg4": Codec("mpeg4", {"g": "12", "b": "2000000"}),
    "mpeg2": Codec("mpeg2video", {"g": "12", "bf": "2", "b": "4000000"}, only_even=True),
    "vp8": Codec("libvpx", {"deadline": "realtime", "cpu-used": "8", "b": "1000000", "auto-alt-ref": "1"}),
    "vp9": Codec("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "1000000"}),
    "av1": Codec("libsvtav1", {"preset": "10", "crf": "10", "g": "60", "svtav1-params": "lp=1:enable-tf=0"}),
    "mjpeg": Codec("mjpeg", {"q": "3"}),
    "ffv1": Codec("ffv1", {}),
}
CONTAINERS: Mapping[str, tuple[tuple[str, ...], str, bool]] = {
    "mp4": (("h264", "h264 B", "h264 intra", "hevc", "mpeg4", "mjpeg"), "aac", False),
    "mov": (("h264", "h264 B", "mpeg4", "mjpeg"), "pcm_s16le", False),
    "mkv": (("h264", "h264 B", "h264 intra", "hevc", "mpeg4", "mjpeg", "ffv1", "vp9"), "flac", False),
    "webm": (("vp8", "vp9"), "libopus", False),
    "ts": (("h264", "h264 B", "hevc", "mpeg2"), "aac", False),
    "flv": (("h264", "h264 B"), "aac", False),
    "avi": (("h264", "mpeg4", "mjpeg"), "libmp3lame", True),
    "mpg": (("mpeg2",), "mp2", True),
}
"""By suffix: codecs, the codec of the sound, and whether constant rates alone can be stored."""
CHANGES: Mapping[Change, tuple[str, ...]] = {
    "trimmed": ("mp4", "mov"),
    "late sound": ("mp4", "mov", "mkv", "webm", "ts"),
    "late pictures": ("mp4", "mov", "mkv", "webm", "ts"),
    "late clock": ("mkv", "webm", "ts", "flv"),
    "fragments": ("mp4",),
    "twice": ("ts",),
    "after another": ("ts",),
}
"""By what is done to a file: the containers that can tell of it."""
TRIMMED_SECONDS = 1.3
LATE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Case:
    """One file."""

    suffix: str
    codec: str
    structure: str
    change: Change = "as it is"
    size: Size = SMALL
    has_sound: bool = True
    rotation_degrees: int = 0
    """Counterclockwise, as the container states it."""
    layout: Layout = "mono"

    @property
    def name(self) -> str:
        """For people."""
        turned = f", turned by {self.rotation_degrees}" if self.rotation_degrees else ""
        layout = f", {self.layout}" if self.layout != "mono" else ""
        size = f"{self.size[0]}x{self.size[1]}"
        return f"{self.suffix}, {self.codec}, {self.structure}, {self.change}, {size}{turned}{layout}"

    @property
    def times_ms(self) -> Sequence[int]:
        """When its pictures are shown, before anything is done to the file."""
        return STRUCTURES[self.structure]

    @property
    def sound_seconds(self) -> float:
        """As long as the pictures, or a while."""
        return min(40.0, self.times_ms[-1] / 1000 + 0.04) if self.has_sound else 0.0

    def build(self, folder: Path) -> Path:
        """Write it."""
        codec, (_, sound_codec, _) = CODECS[self.codec], CONTAINERS[self.suffix]
        plain = folder / f"plain.{self.suffix}"
        flags = {"movflags": "frag_keyframe+empty_moov"} if self.change == "fragments" else {}
        write_coded(
            plain,
            times_ms=self.times_ms,
            codec=codec.name,
            options=codec.options,
            size=self.size,
            sound_codec=sound_codec if self.has_sound else None,
            sound_seconds=self.sound_seconds,
            flags=flags,
            is_even=self.structure in EVEN,
            rotation_degrees=self.rotation_degrees,
            layout=self.layout,
        )
        return self._changed(plain, folder / f"case.{self.suffix}")

    def _changed(self, plain: Path, path: Path) -> Path:
        match self.change:
            case "trimmed":
                return remuxed(plain, path, video_seconds=-TRIMMED_SECONDS, audio_seconds=-TRIMMED_SECONDS)
            case "late sound":
                return remuxed(plain, path, audio_seconds=LATE_SECONDS)
            case "late pictures":
                return remuxed(plain, path, video_seconds=LATE_SECONDS)
            case "late clock":
                exact = {"avoid_negative_ts": "disabled"}
                return remuxed(plain, path, video_seconds=500.0, audio_seconds=500.0, options=exact)
            case "twice":
                path.write_bytes(plain.read_bytes() * 2)
                return path
            case "after another":
                ahead = remuxed(plain, path.with_name(f"ahead{path.suffix}"), video_seconds=500.0, audio_seconds=500.0)
                path.write_bytes(ahead.read_bytes() + plain.read_bytes())
                return path
            case _:
                return plain


def every_case() -> Iterator[Case]:
    """All of the corpus."""
    for suffix, (codecs, _, holds_even_only) in CONTAINERS.items():
        for codec, structure in product(codecs, STRUCTURES):
            if structure in EVEN or not (holds_even_only or CODECS[codec].only_even):
                yield Case(suffix, codec, structure)
    for change, suffixes in CHANGES.items():
        for suffix in suffixes:
            yield from _changed_cases(suffix, change)
    for suffix, structure in product(("mp4", "mkv", "ts"), STRUCTURES):
        if structure != "long":
            yield Case(suffix, "h264 B", structure, size=LARGE, has_sound=False)


def _changed_cases(suffix: str, change: Change) -> Iterator[Case]:
    # Where the rate is uneven nobody knows how long the last picture of a part stands before the next part begins.
    structures = ("25 a second",) if change in ("twice", "after another") else ("25 a second", "5 a second", "phone")
    for codec, structure in product(CONTAINERS[suffix][0][:3], structures):
        if structure in EVEN or not CODECS[codec].only_even:
            yield Case(suffix, codec, structure, change)
    if change == "trimmed":  # the edit begins while a picture is shown for long
        for codec, structure in product(CONTAINERS[suffix][0][:3], ("1 a second", "slides")):
            yield Case(suffix, codec, structure, change, has_sound=False)


FEW: Sequence[Case] = (
    Case("mp4", "h264 B", "phone"),
    Case("mp4", "h264 B", "slides"),
    Case("mp4", "h264", "a gap"),
    Case("mp4", "h264 B", "one far behind"),
    Case("mp4", "h264", "25 a second", "trimmed"),
    Case("mp4", "h264 B", "phone", "trimmed"),
    Case("mp4", "h264 B", "slides", "trimmed", has_sound=False),
    Case("mp4", "h264", "25 a second", "late sound"),
    Case("mov", "h264 B", "25 a second", "late pictures"),
    Case("mov", "h264", "phone", "late pictures"),
    Case("mp4", "h264 B", "25 a second", "fragments"),
    Case("mp4", "h264 B", "slides", size=LARGE, has_sound=False),
    Case("mp4", "h264 B", "1 a second", size=LARGE, has_sound=False),
    Case("mp4", "h264 B", "25 a second", size=LARGE, has_sound=False),
    Case("mkv", "h264 B", "a still, then film"),
    Case("mkv", "hevc", "slides"),
    Case("mkv", "hevc", "1 a second"),
    Case("mkv", "ffv1", "film, then a still"),
    Case("mkv", "mpeg4", "5 a second", "late sound"),
    Case("mkv", "h264 B", "25 a second", "late pictures"),
    Case("webm", "vp8", "25 a second"),
    Case("webm", "vp9", "phone", "late pictures"),
    Case("ts", "h264 B", "25 a second", "twice"),
    Case("ts", "h264", "25 a second", "after another"),
    Case("ts", "h264", "1 a second"),
    Case("ts", "h264", "slides"),
    Case("ts", "h264", "one far behind"),
    Case("ts", "mpeg2", "25 a second", "late sound"),
    Case("flv", "h264 B", "phone"),
    Case("mkv", "h264 B", "phone", "late clock"),
    Case("avi", "mpeg4", "25 a second"),
    Case("mpg", "mpeg2", "25 a second"),
)
"""What continuous integration runs."""

FOUND: Sequence[Case] = (
    Case("ts", "mpeg2", "25 a second", "after another", has_sound=False),
    Case("flv", "h264 B", "a still, then film", "late clock"),
    Case("mp4", "h264 B", "a still, then film", "fragments"),
    Case("mp4", "mpeg4", "slides", "fragments"),
)
"""What random combinations have found wrong, and continuous integration runs as well."""
