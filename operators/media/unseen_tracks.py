"""What a container holds beside the streams that are analysed. Decoder process only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av.container import InputContainer
from av.stream import Disposition, Stream

from operators.media.containers import MediaFile
from operators.media.index import TrackKind, UnseenTrack
from operators.media.streams_of import codec_name, moving_streams
from operators.media.trailing_bytes import num_trailing_bytes

MAX_TRACKS = 100
"""Named of a container that has more."""


def unseen_tracks(
    container: InputContainer, media: MediaFile, analysed: tuple[Stream | None, ...]
) -> tuple[UnseenTrack, ...]:
    """Name every stream with content that is not analysed, and what follows the end of the container.

    Args:
        container: open.
        media: that it was opened from.
        analysed: streams that are looked at or listened to.
    """
    numbers = {stream.index for stream in analysed if stream is not None}
    tracks = [track for track in _tracks(container) if track.number not in numbers]
    return (*tracks[:MAX_TRACKS], *_trailing(container, media))


def _tracks(container: InputContainer) -> Iterator[UnseenTrack]:
    """Pictures, sound and text; attachments, time codes and cover art are not among them.

    MP4 calls any video track a list of chapter pictures that another track refers to as its chapters.
    """
    chapters = [stream for stream in container.streams.video if stream.disposition & Disposition.timed_thumbnails]
    kinds: tuple[tuple[TrackKind, Sequence[Stream]], ...] = (
        ("video", [*moving_streams(container), *chapters]),
        ("audio", container.streams.audio),
        ("text", container.streams.subtitles),
    )
    for kind, streams in kinds:
        yield from (UnseenTrack(kind, stream.index, codec_name(stream)) for stream in streams if not _is_empty(stream))


def _is_empty(stream: Stream) -> bool:
    """Whether the container says itself that there is nothing: a list of its packets, of which there are none."""
    is_mp4 = stream.container.format.name.startswith("mov,")
    return is_mp4 and not stream.frames and not stream.index_entries and not stream.duration


def _trailing(container: InputContainer, media: MediaFile) -> Iterator[UnseenTrack]:
    num_bytes = num_trailing_bytes(container.format.name, media)
    if num_bytes:
        yield UnseenTrack("trailing", -1, "", num_bytes)
