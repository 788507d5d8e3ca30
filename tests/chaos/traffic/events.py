"""The bytes that producers, clients and reviewers send, written by hand as their schemas say; no product code."""

from __future__ import annotations

import json
from typing import Any

UPLOADED = "video.uploaded"
SIGNALS = "video.signals"
ENGAGEMENT = "video.engagement"


def upload(video_id: str, revision: int, source: dict[str, Any], **more: Any) -> bytes:
    """An upload of one revision."""
    event = {"video_id": video_id, "revision": revision, "source": source, "creator_id": "c1", "market": "DE", **more}
    return json.dumps({"title": f"Clip {video_id} revision {revision}", **event}).encode()


def deletion(video_id: str, revision: int | None) -> bytes:
    """A deletion up to a revision, or of all that is before it in the log."""
    event = {"video_id": video_id, "deleted": True, "reason": "chaos"}
    return json.dumps(event | ({"revision": revision} if revision else {})).encode()


def engagement(video_id: str, event_id: str, kind: str, at_unix_seconds: float) -> bytes:
    """One person did one thing."""
    event = {"event_id": event_id, "video_id": video_id, "kind": kind, "event_unix_seconds": at_unix_seconds}
    return json.dumps(event | ({"watch_seconds": 2.5} if kind == "view" else {})).encode()


def review(video_id: str, revision: int, action: str, at_unix_seconds: float) -> bytes:
    """A person decided."""
    event = {"kind": "review", "video_id": video_id, "revision": revision, "action": action}
    return json.dumps({**event, "reviewer": "chaos", "reason": "", "event_unix_seconds": at_unix_seconds}).encode()
