"""What a sender should do about each cause of a refusal."""

from __future__ import annotations

from typing import Final

_SEND_AGAIN: Final = "publish the upload again"
_CORRECT: Final = "correct the event as the message says and publish it again; the contract is docs/producers.md"
_OURS: Final = "nothing is wrong with the upload; the operators of the service look into it and send the event again"
_HIGHER: Final = "under a higher revision"

_ADVICE: Final[dict[str, str]] = {
    "event-not-json": "send one JSON object in UTF-8, neither encoded again nor framed by a registry client",
    "event-invalid": _CORRECT,
    "event-too-large": "send an event of at most 4 MiB; media is named by its place, never sent along",
    "media-missing": f"put the media where the event says, or name where it is, and {_SEND_AGAIN}",
    "media-outside-roots": "name a file below a folder that the workers may read (VIDSIGNAL_MEDIA_ROOTS)",
    "media-not-a-file": "name a regular file, no folder, device or pipe",
    "media-empty": f"finish writing the media first, then {_SEND_AGAIN}",
    "media-too-large": "send a smaller rendition, or have the workers' limit raised (docs/sources.md)",
    "media-unreadable": f"check the file with a player, encode it again, and {_SEND_AGAIN} {_HIGHER}",
    "media-no-streams": "send media with a video or an audio stream",
    "media-no-frames": f"encode the video again: its stream yields no picture; {_SEND_AGAIN} {_HIGHER}",
    "media-no-decoder": f"encode the media with a common codec, such as H.264 with AAC, and {_SEND_AGAIN} {_HIGHER}",
    "media-encrypted": f"send the media without encryption, and {_SEND_AGAIN} {_HIGHER}",
    "media-damaged": f"check the file from its beginning to its end, encode it again, and {_SEND_AGAIN} {_HIGHER}",
    "media-too-many-pixels": "send a rendition with smaller pictures",
    "media-decoder-died": f"encode the media again, and {_SEND_AGAIN} {_HIGHER}",
    "media-decoder-killed": f"{_SEND_AGAIN}; where it is refused again, send a smaller rendition",
    "media-decoder-timeout": f"send a shorter or simpler rendition {_HIGHER}",
    "media-decoder-memory": f"send a smaller rendition {_HIGHER}",
    "media-address-refused": "name an address that the workers may fetch from (docs/sources.md)",
    "media-forbidden": f"give the workers the right to read the media, and {_SEND_AGAIN}",
    "media-refused": f"have the origin answer with the media itself, status 200 or 206, and {_SEND_AGAIN}",
    "media-checksum": "name the SHA-256 of the bytes that lie there, or put back the bytes that it names",
    "media-changed": f"do not write over media that was announced; {_SEND_AGAIN} {_HIGHER}",
    "media-size-mismatch": f"finish writing the media first, name its true size, and {_SEND_AGAIN}",
    "media-too-slow": f"serve the media faster, and {_SEND_AGAIN}",
    "media-source-away": f"{_SEND_AGAIN} when the media's origin answers",
    "crash-loop": _OURS,
    "internal-error": _OURS,
    "machine-unavailable": _OURS,
    "model-server-away": _OURS,
    "device-fault": _OURS,
    "model-fault": _OURS,
    "signal-too-large": _OURS,
}
_UNKNOWN: Final = "look at the dead letter (vidsignal dead-letters list --video ID), which holds the event"


def advice_for(cause: str) -> str:
    """Return one sentence; for an unknown cause, where to look."""
    return _ADVICE.get(cause, _UNKNOWN)
