"""`analyze` as a process for benchmarks: one JSON line with paths in, one JSON line with seconds out."""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic
from typing import Any

from ops.local_analysis_session import open_local_analysis
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import read_settings


async def serve() -> None:
    """Answer until standard input closes."""
    async with open_local_analysis(read_settings()) as (analysis, device):
        _say({"event": "ready", "device": device})
        while line := await asyncio.to_thread(sys.stdin.readline):
            uploads = [_upload(item) for item in json.loads(line)]
            began = monotonic()
            outcomes = await asyncio.gather(*(analysis.outcome_of(upload) for upload in uploads))
            failed = sum(bool(outcome.verdict.modalities.failed) for outcome in outcomes)
            _say({"event": "done", "seconds": monotonic() - began, "failed": failed})


def _upload(item: dict[str, Any]) -> VideoUploaded:
    return VideoUploaded(
        video_id=item["video_id"],
        source=FileSource(path=item["path"]),
        title=item["title"],
        description=item["description"],
        hashtags=tuple(item["hashtags"]),
    )


def _say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
