"""An upload that is read once for all agents of a role."""

from __future__ import annotations

from schemas.uploads import DeletionRequested, VideoUploaded
from streams.delivery.admission import Slot
from streams.record import Record
from streams.uploads.reading import read_upload


async def shared_upload(record: Record, slot: Slot) -> VideoUploaded | DeletionRequested:
    """What the record says, read by whichever agent asks first. Raises InvalidEvent."""

    async def read() -> VideoUploaded | DeletionRequested:
        return read_upload(record)

    return await slot.once("upload", read)
