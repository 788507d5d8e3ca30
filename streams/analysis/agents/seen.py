"""Coverage of a modality, and skipped content, as features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from operators.media.index import MediaIndex, UnseenTrack
from schemas.evidence import Feature
from schemas.receipts import Seen
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.described import features_of

Prefix = Literal["visual", "audio", "motion"]

_SEEN = "seen@1"


def share_features(work: AgentWork, prefix: Prefix, seen: Seen | None) -> dict[str, Feature]:
    """Return planned, achieved, reached, intact and seen ratios under the feature names of one modality."""
    if seen is None:
        return {}
    values = {
        f"{prefix}.planned_ratio": seen.planned_ratio,
        f"{prefix}.achieved_ratio": seen.achieved_ratio,
        f"{prefix}.length_ratio": seen.length_ratio,
        f"{prefix}.intact_ratio": seen.intact_ratio,
        f"{prefix}.seen_ratio": seen.seen_ratio,
    }
    return features_of(work, _SEEN, values)


def unseen_features(work: AgentWork, prefix: Prefix, tracks: Iterable[UnseenTrack]) -> dict[str, Feature]:
    """Return the skipped tracks by kind; nothing if there are none."""
    entries = [_entry(track) for track in tracks]
    return features_of(work, _SEEN, {f"{prefix}.unseen_tracks": entries or None})


def unseen_apart_from_pictures(index: MediaIndex) -> list[UnseenTrack]:
    """Return the skipped tracks that the frames signal reports: all except sound."""
    return [track for track in index.unseen if track.kind != "audio"]


def unseen_apart_from_sound(index: MediaIndex) -> list[UnseenTrack]:
    """Return the skipped tracks that the audio signal reports: sound, and all others if there is no video."""
    has_pictures = index.video is not None or index.video_fault is not None
    return [track for track in index.unseen if track.kind == "audio" or not has_pictures]


def _entry(track: UnseenTrack) -> dict[str, object]:
    entry: dict[str, object] = {"kind": track.kind}
    if track.number >= 0:
        entry["number"] = track.number
    if track.codec:
        entry["codec"] = track.codec
    if track.size_bytes:
        entry["size_bytes"] = track.size_bytes
    return entry
