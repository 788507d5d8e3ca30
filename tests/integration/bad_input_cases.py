"""Bad input by the case: how it is made, and what has to come of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.identity import Modality
from schemas.outcomes import Action
from tests import hostile_media as hostile
from tests.planted_faults import ABORT_MARK, HANG_MARK, NAN_COLOUR, coloured, marked

LAST = "healthy-after-all"
SECRET = "outside-the-roots.mp4"
MEDIA: tuple[Modality, ...] = ("frames", "audio", "motion")
SEEN: tuple[Modality, ...] = ("frames", "motion")

Build = Callable[[Path], Path]


@dataclass(frozen=True)
class Folders:
    """Where a case puts its files."""

    root: Path
    """Allowed."""
    outside: Path
    """Not allowed."""


@dataclass(frozen=True)
class BadEvent:
    """An event that intake refuses."""

    event: Callable[[str], bytes | None]
    """Makes the value from the video's id."""
    cause: str
    is_kept: bool = True
    """Whether the dead letter holds the value."""
    key: str | None = None


@dataclass(frozen=True)
class Upload:
    """A readable upload, and what has to come of it."""

    source: Callable[[Folders, str], str]
    """Makes the media and returns the path to be published."""
    failed: Mapping[Modality, str] = field(default_factory=dict)
    """Cause by modality."""
    absent: Sequence[Modality] = ()
    action: Action = "allow"
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_text_given: bool = True


def file(name: str, build: Build) -> Callable[[Folders, str], str]:
    """A file of that name in a folder of its own below the root."""

    def make(folders: Folders, video_id: str) -> str:
        folder = folders.root / video_id
        folder.mkdir()
        return str(build(folder / name))

    return make


def refused(name: str, build: Build, cause: str) -> Upload:
    """A file of which nothing can be had: every modality of the media fails, and people look at it."""
    return Upload(file(name, build), failed=dict.fromkeys(MEDIA, cause), action="review")


def unusable(source: Callable[[Folders, str], str], cause: str) -> Upload:
    """A path that leads to no media."""
    return Upload(source, failed=dict.fromkeys(MEDIA, cause), action="review")


def as_json(video_id: str, **fields: object) -> bytes:
    """An upload event as any producer would write it."""
    return json.dumps({"video_id": video_id, "source": {"kind": "file", "path": "none.mp4"}, **fields}).encode()


def _outside(folders: Folders, _video_id: str) -> str:
    return str(folders.outside / SECRET)


def _dots(folders: Folders, _video_id: str) -> str:
    return f"{folders.root}/../{folders.outside.name}/{SECRET}"


def _relative_dots(folders: Folders, _video_id: str) -> str:
    return f"../{folders.outside.name}/{SECRET}"


def _symlink(folders: Folders, video_id: str) -> str:
    link = folders.root / f"{video_id}.mp4"
    link.symlink_to(folders.outside / SECRET)
    return str(link)


def _linked_folder(folders: Folders, video_id: str) -> str:
    link = folders.root / video_id
    link.symlink_to(folders.outside, target_is_directory=True)
    return str(link / SECRET)


def _folder(folders: Folders, video_id: str) -> str:
    (folders.root / video_id).mkdir()
    return str(folders.root / video_id)


def _pipe(folders: Folders, video_id: str) -> str:
    os.mkfifo(folders.root / video_id)
    return str(folders.root / video_id)


def healthy(path: Path) -> Path:
    return hostile.write_video(path, num_frames=50, sound_seconds=2.0)


def _sound_in_mp4(path: Path) -> Path:
    return hostile.write_sound(path, seconds=2.0, codec="aac")


def _marked(mark: bytes) -> Build:
    def build(path: Path) -> Path:
        return marked(healthy(path.with_name("healthy.mp4")), path, mark)

    return build


def _coloured(colour: tuple[int, int, int]) -> Build:
    return lambda path: coloured(path, colour)


NO_SOUND: tuple[Modality, ...] = ("audio",)

BAD_EVENTS: Mapping[str, BadEvent] = {
    "not-json": BadEvent(lambda _: b"{this is no JSON", "event-not-json"),
    "not-utf8": BadEvent(lambda _: b'{"video_id": "\xff\xfe"}', "event-not-json"),
    "deeply-nested": BadEvent(lambda _: b'{"unknown": ' + b"[" * 100_000, "event-not-json"),
    "empty-value": BadEvent(lambda _: b"", "event-not-json"),
    "no-value": BadEvent(lambda _: None, "event-invalid"),
    "wrong-types": BadEvent(lambda name: as_json(name, revision="one"), "event-invalid"),
    "not-an-object": BadEvent(lambda _: b"[1, 2, 3]", "event-invalid"),
    "no-source": BadEvent(lambda name: json.dumps({"video_id": name}).encode(), "event-invalid"),
    "unknown-kind-of-source": BadEvent(
        lambda name: as_json(name, source={"kind": "carrier-pigeon", "path": "x"}), "event-invalid"
    ),
    "revision-zero": BadEvent(lambda name: as_json(name, revision=0), "event-invalid"),
    "braces-in-the-id": BadEvent(lambda _: as_json("{x}:state"), "event-invalid"),
    "event-of-5-MB": BadEvent(
        lambda name: as_json(name, description="x" * 5_000_000), "event-too-large", is_kept=False
    ),
    "key-of-another-video": BadEvent(as_json, "event-invalid", key="somebody-else"),
}
"""By video id, which names the case."""

UPLOADS: Mapping[str, Upload] = {
    "unknown-fields": Upload(
        file("healthy.mp4", healthy), fields={"colour_of_the_uploader": "green", "nested": {"deep": [1, {}]}}
    ),
    "media-missing": unusable(lambda folders, _: str(folders.root / "nowhere.mp4"), "media-missing"),
    "nul-in-the-path": unusable(lambda folders, _: f"{folders.root}/a\0b.mp4", "media-missing"),
    "zero-bytes": refused("empty.mp4", hostile.empty, "media-empty"),
    "truncated": Upload(file("truncated.mp4", hostile.truncated), absent=NO_SOUND, action="review"),
    "truncated-to-nothing": Upload(  # its index is whole and lists no sound
        file("nothing.mp4", hostile.truncated_to_nothing),
        failed=dict.fromkeys(SEEN, "media-unreadable"),
        absent=NO_SOUND,
        action="review",
    ),
    "truncated-without-index": refused("noindex.mp4", hostile.truncated_without_index, "media-unreadable"),
    "text-renamed": refused("text.mp4", hostile.text, "media-unreadable"),
    "no-streams": refused("nostreams.mp4", hostile.no_streams, "media-no-streams"),
    "no-video-stream": Upload(file("sound.mp4", _sound_in_mp4), absent=SEEN),
    "no-audio-stream": Upload(file("silent.mp4", hostile.without_audio), absent=NO_SOUND),
    "audio-only": Upload(file("sound.wav", hostile.audio_only), absent=SEEN),
    "one-pixel": Upload(file("pixel.mp4", hostile.one_pixel), absent=NO_SOUND),
    "8K": Upload(file("8k.mp4", hostile.picture_8k), absent=NO_SOUND),
    "16K": refused("16k.mp4", hostile.picture_16k, "media-too-many-pixels"),
    "bomb": refused("bomb.png", hostile.png_bomb, "media-too-many-pixels"),
    "still-image": Upload(file("still.png", hostile.still_image), absent=NO_SOUND),
    "one-frame": Upload(file("frame.mp4", hostile.one_frame), absent=NO_SOUND),
    "three-hours": Upload(file("long.mp4", hostile.three_hours), absent=NO_SOUND),
    "ten-million-frames": Upload(
        file(hostile.HOSTILE_FILES["ten million frames"].name, hostile.ten_million_frames), absent=NO_SOUND
    ),
    "noise-in-the-middle": Upload(file("noise.mp4", hostile.noise_in_the_middle), absent=NO_SOUND, action="review"),
    "broken-sound": Upload(
        file("badsound.mp4", hostile.video_with_broken_sound), failed={"audio": "media-damaged"}, action="review"
    ),
    "playlist": refused("list.m3u8", hostile.playlist, "media-unreadable"),
    "concat-script": refused("list.mp4", hostile.concat_script, "media-unreadable"),
    "hangs-the-decoder": refused("hang.mp4", _marked(HANG_MARK), "media-decoder-timeout"),
    "kills-the-decoder": refused("abort.mp4", _marked(ABORT_MARK), "media-decoder-died"),
    "model-answers-nan": Upload(
        file("nan.mp4", _coloured(NAN_COLOUR)), failed={"frames": "model-fault"}, absent=NO_SOUND, action="review"
    ),
    "outside-the-roots": unusable(_outside, "media-outside-roots"),
    "outside-by-dots": unusable(_dots, "media-outside-roots"),
    "outside-by-relative-dots": unusable(_relative_dots, "media-outside-roots"),
    "outside-by-symlink": unusable(_symlink, "media-outside-roots"),
    "outside-by-linked-folder": unusable(_linked_folder, "media-outside-roots"),
    "a-folder": unusable(_folder, "media-not-a-file"),
    "a-pipe": unusable(_pipe, "media-not-a-file"),
    "emoji": Upload(
        file("healthy.mp4", healthy),
        fields={"title": "🎬👩‍👩‍👧‍👦🇩🇪" * 50, "hashtags": ["🔥", "#️⃣"], "creator_id": "👤"},
    ),
    "right-to-left": Upload(
        file("healthy.mp4", healthy),
        fields={"title": "مرحبا بالعالم \u202eevil\u202c", "description": "שלום עולם, זה סרטון על החתול שלי בבית"},
    ),
    "nul-in-the-text": Upload(
        file("healthy.mp4", healthy), fields={"title": "a\0b", "description": "\0" * 500, "creator_id": "x\0y"}
    ),
    "title-of-2-MB": Upload(file("healthy.mp4", healthy), fields={"title": "x" * 2_000_000}),
    "names-with-spaces": Upload(file("häß lich 🎬.mp4", healthy)),
}
"""By video id, which names the case."""
