"""Content of a container that is not analysed. Decoder process only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av.container import InputContainer
from av.stream import Disposition, Stream

from operators.media.containers import MediaFile
from operators.media.decoders.alpha import hides_alpha
from operators.media.fallback_pictures import is_shown_again, png_fallback
from operators.media.index import TrackKind, UnseenTrack
from operators.media.ledgers.content import is_font, kind_of_content, num_content_bytes
from operators.media.ledgers.embedded import embedded_files, files_in
from operators.media.ledgers.ledger import Ledger, gaps, merged
from operators.media.other_formats import other_format
from operators.media.streams_of import codec_name, is_cover, moving_streams
from operators.media.tiff_pages import tiff_pages

MAX_TRACKS = 100
"""Maximum number that is named."""
MIN_TRAILING_BYTES = 1024
"""Padding and notes of encoders are shorter; no clip is."""
MIN_JPEG_TRAILING_BYTES = 16 * 1024
"""Phones write notes after their photographs."""
MIN_HIDDEN_BYTES = 16 * 1024
"""Muxers leave some; a clip of a second is longer."""
CLEARLY_HIDDEN_BYTES = 64 * 1024
"""From here on bytes of no stream are named for their amount, and not searched for shorter files."""
MAX_NOTE_BYTES = 512 * 1024
"""Of metadata that is not text: thumbnails and makers' notes of cameras are shorter in total."""
MAX_DATA_RATIO = 0.2
"""Of the file: time codes, positions and sensors need less, in addition to pictures."""
OWN_HEADERS = {"mpeg": ("mpeg",), "ogg": ("ogg", "flac"), "mxf": ("mxf",)}
"""Packs, logical streams and partitions, which FFmpeg reads one after the other: another one is no other file."""
SECOND_TABLE = "second table of contents"


def unseen_tracks(
    container: InputContainer, media: MediaFile, analysed: tuple[Stream | None, Stream | None], ledger: Ledger
) -> tuple[UnseenTrack, ...]:
    """Return every stream with content that is not analysed, and bytes that belong to none.

    Args:
        container: open.
        media: from which it was opened.
        analysed: the analysed streams of pictures and sound.
        ledger: of the container.
    """
    video, _ = analysed
    numbers = {stream.index for stream in analysed if stream is not None}
    numbers |= {stream.index for stream in container.streams.video if is_shown_again(stream, video)}
    tracks = [track for track in _tracks(container) if track.number not in numbers]
    further = (*_alpha(video), *png_fallback(container, media), *tiff_pages(media), *other_format(container, media))
    return (*tracks[:MAX_TRACKS], *further, *_attached(container), *_bytes(container, media, ledger))


def _tracks(container: InputContainer) -> Iterator[UnseenTrack]:
    """Yield pictures, sound, text and cover art; without time codes and other data.

    In MP4, any video track that another track references as its chapters counts as chapter pictures.
    """
    chapters = [stream for stream in container.streams.video if stream.disposition & Disposition.timed_thumbnails]
    moving = [*moving_streams(container), *chapters]
    covers = [stream for stream in container.streams.video if stream not in moving]
    kinds: tuple[tuple[TrackKind, Sequence[Stream]], ...] = (
        ("video", moving),
        ("audio", container.streams.audio),
        ("text", container.streams.subtitles),
        ("picture", covers),
    )
    for kind, streams in kinds:
        yield from (UnseenTrack(kind, stream.index, codec_name(stream)) for stream in streams if not _is_empty(stream))


def _alpha(video: Stream | None) -> Iterator[UnseenTrack]:
    if video is not None and hides_alpha(video):
        yield UnseenTrack("video", video.index, f"transparency of {codec_name(video)}")


def _is_empty(stream: Stream) -> bool:
    """Return whether the container itself states that it is empty: a packet list without packets."""
    is_mp4 = stream.container.format.name.startswith("mov,")
    return is_mp4 and not is_cover(stream) and not stream.frames and not stream.index_entries and not stream.duration


def _attached(container: InputContainer) -> Iterator[UnseenTrack]:
    """Yield files inside Matroska that are not fonts, by their bytes and not by their names."""
    for stream in container.streams.attachments[:MAX_TRACKS]:
        content = stream.data
        if not is_font(content[:8]) or files_in(content):
            yield UnseenTrack("attachment", stream.index, stream.mimetype or "unknown", len(content))


def _bytes(container: InputContainer, media: MediaFile, ledger: Ledger) -> Iterator[UnseenTrack]:
    if ledger.num_second_tables:
        yield UnseenTrack("video", -1, SECOND_TABLE)
    num_hidden = _num_hidden(media, ledger)
    if num_hidden >= MIN_HIDDEN_BYTES:
        yield UnseenTrack("hidden", -1, kind_of_content(media, ledger.strays), num_hidden)
    for start, stop in ledger.pictures:
        yield UnseenTrack("picture", -1, kind_of_content(media, [(start, stop)]), stop - start)
    behind = gaps((ledger.end, media.size_bytes), merged(ledger.pictures))
    num_trailing = sum(stop - start for start, stop in behind)
    is_jpeg = container.format.name == "jpeg_pipe"
    is_named = num_trailing >= (MIN_JPEG_TRAILING_BYTES if is_jpeg else MIN_TRAILING_BYTES)
    if is_named:
        yield UnseenTrack("trailing", -1, kind_of_content(media, behind), num_trailing)
    strays = ledger.strays if num_hidden < CLEARLY_HIDDEN_BYTES else ()
    searched = [embedded_files(media, part) for part in (ledger.notes, strays, ledger.described)]
    searched += [embedded_files(media, () if is_named else behind), files_in(ledger.loose)]
    coded = [file for file in embedded_files(media, ledger.coded) if not _is_codec(file.format, container)]
    own = OWN_HEADERS.get(container.format.name, ())
    for files in (*searched, coded):
        found = [file for file in files if file.format not in own]
        yield from [UnseenTrack("attachment", -1, file.format, file.size_bytes) for file in found[:1]]


def _is_codec(name: str, container: InputContainer) -> bool:
    """Return whether a format is that of the sound itself."""
    return any(codec_name(stream).startswith(name) for stream in container.streams.audio)


def _num_hidden(media: MediaFile, ledger: Ledger) -> int:
    """Return the bytes with content that belong to no stream, and excessive metadata and data."""
    num_notes = num_content_bytes(media, ledger.notes, is_text_content=False) + ledger.notes.num_bytes_beyond
    num_strays = num_content_bytes(media, ledger.strays) + ledger.strays.num_bytes_beyond + ledger.num_stray_bytes
    num_data = ledger.num_data_bytes + ledger.strays.num_alignment_bytes + ledger.notes.num_alignment_bytes
    excess = num_notes if num_notes > MAX_NOTE_BYTES else 0
    return num_strays + excess + (num_data if num_data > MAX_DATA_RATIO * media.size_bytes else 0)
