"""A worker whose intake does as a title says, run as a process of its own: `python -m tests.stalling_worker`.

`hang` waits for ever, `block` stops the event loop for ever, `held` waits until the file of the upload is there;
everything else is as ever.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from schemas.codec import decode_upload_or_deletion
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import read_settings
from streams.delivery.admission import Slot
from streams.intake.intake import Intake
from streams.record import Record
from streams.worker.worker import run_worker

STALLING_WORKER = (sys.executable, "-m", "tests.stalling_worker")
_LOOK_SECONDS = 0.05
_FOR_EVER_SECONDS = 3600.0


class StallingIntake(Intake):
    """Intake with a plan of its own for some titles."""

    async def run(self, record: Record, slot: Slot) -> None:
        event = decode_upload_or_deletion(record.value)
        if isinstance(event, VideoUploaded):
            await do_as_told(event)
        await super().run(record, slot)


async def do_as_told(upload: VideoUploaded) -> None:
    """What the title says."""
    if upload.title == "hang":
        await hang_for_ever()
    elif upload.title == "block":
        block_the_loop()
    elif upload.title == "held":
        assert isinstance(upload.source, FileSource)
        while not Path(upload.source.path).exists():
            await asyncio.sleep(_LOOK_SECONDS)


async def hang_for_ever() -> None:
    """A future that nobody resolves."""
    await asyncio.Event().wait()


def block_the_loop() -> None:
    """A call that should have gone to a thread."""
    time.sleep(_FOR_EVER_SECONDS)


if __name__ == "__main__":
    import streams.worker.roles

    streams.worker.roles.Intake = StallingIntake  # type: ignore[misc]
    sys.exit(run_worker(read_settings()))
