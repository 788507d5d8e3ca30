"""Reads an upload once for all agents of a role."""

from __future__ import annotations

from schemas.uploads import DeletionRequested, VideoUploaded
from streams.delivery.admission import Slot
from streams.record import Record
from streams.uploads.reading import read_upload


async def shared_upload(record: Record, slot: Slot) -> VideoUploaded | DeletionRequested:
    """Return the event of the record, decoded by the first agent that needs it. Raises InvalidEvent."""

    async def read() -> VideoUploaded | DeletionRequested:
        return read_upload(record)

    return await slot.once("upload", read)
