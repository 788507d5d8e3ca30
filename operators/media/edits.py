"""MP4 edits that FFmpeg does not follow, or not as players do. Decoder process only.

FFmpeg leaves rates out: of twenty seconds that an edit shows at double speed it gives the first ten, and hides the
rest. Other players leave edits out, and show what an edit cuts off. As players differ, a file with rates, or of which
edits hide much, is looked at without its edits: then all that any player shows is seen. Of pictures without
sound FFmpeg takes the shift alone. Of several parts FFmpeg makes a list that is not in order, in which it then seeks in
vain.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from operators.media.containers import MediaFile
from operators.media.ledgers.ledger import merged
from operators.media.ledgers.mp4_account import Account
from operators.media.mp4_boxes import body_of, top_boxes

MAX_EDITS = 10_000
"""Of all tracks; a file with more is analysed without edits."""
MAX_SAMPLES = 2_000_000
"""Of one track: for a track with more samples, which is one of plain sound, all are assumed to last equally long."""
MAX_HIDDEN_SECONDS = 2.0
"""Before the first and after the last displayed time together: from one keyframe of a phone to the next, within which a
film that was cut without recoding begins."""
MAX_HIDDEN_RATIO = 1 / 3
"""The same, for a short track."""
MAX_LEFT_OUT_SECONDS = 0.25
"""Of a picture that stands when an edit begins. FFmpeg leaves it out and begins with the next one, players do not:
from slide to slide that is much, and all that follows would be early by as much."""
SLACK_SECONDS = 0.1
"""Sound codecs put packets before the first sample."""
_NORMAL_RATE = 1 << 16
_PARENTS = frozenset((b"trak", b"edts", b"mdia", b"minf", b"stbl"))
_TABLES = frozenset((b"mdhd", b"stsz", b"stz2", b"stts", b"ctts", b"elst"))
_PRESENTED = (b"vide", b"soun")

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class _EditedTrack:
    """Tables of a track, in ticks of its own clock, and its edits, in those of the movie's."""

    handler: bytes = b""
    scale: int = 0
    num_samples: int = 0
    sample_bytes: int = 0
    """Size of each sample if all are equal, else 0."""
    durations: Numbers = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    """Rows of a number of samples and the duration of each."""
    offsets: Numbers = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    """Rows of a number of samples and the offset from decoding to display of each."""
    edits: list[tuple[int, int, int]] = field(default_factory=list)
    """Length, first tick of the track, rate as a 16.16 fixed-point number; only edits that show something."""
    is_shifted_only: bool = True
    """Whether there is one edit at most, and a pause ahead of it at most."""
    kinds: set[bytes] = field(default_factory=set)
    is_ambiguous: bool = False
    """Whether a table exists twice: another player may use the other one."""


def take_edits(media: MediaFile) -> None:
    """Set on the file how it has to be opened, before it is opened."""
    account = Account()
    scale, tracks = _tracks(media, account)
    rates = [rate for track in tracks for _, _, rate in track.edits]
    are_too_many = account.inner_boxes_left <= 0 or len(rates) > MAX_EDITS
    media.has_parts = any(len(track.edits) > 1 for track in tracks)
    is_odd = are_too_many or any(track.is_ambiguous for track in tracks) or any(r != _NORMAL_RATE for r in rates)
    if is_odd or any(_hides_much(track, scale) for track in tracks if track.handler in _PRESENTED):
        has_sound = any(track.handler == b"soun" for track in tracks)  # of which FFmpeg would skip what an edit hides
        only_shifts = not is_odd and not has_sound and all(track.is_shifted_only for track in tracks)
        media.edit_options = {"advanced_editlist": "0"} if only_shifts else {"ignore_editlist": "1"}


def _tracks(media: MediaFile, account: Account) -> tuple[int, list[_EditedTrack]]:
    """Return the ticks per second of the movie's clock, and its tracks; FFmpeg reads the first table of contents."""
    table = next((box for box in top_boxes(media) if box.kind == b"moov"), None)
    if table is None:
        return 0, []
    body = body_of(media, table)
    scale, tracks = 0, [_EditedTrack()]
    for box in account.inner(body, _PARENTS):
        if box.kind == b"trak":
            tracks.append(_EditedTrack())
        elif box.kind == b"mvhd":
            scale = _scale(body[box.body : box.stop])
        elif box.kind not in _PARENTS:
            _take(tracks[-1], box.kind, memoryview(body)[box.body : box.stop])
    for track in tracks:
        if track.sample_bytes:  # a table that lists sizes is as long as its samples are many; a bare count may be wrong
            track.num_samples = min(track.num_samples, media.size_bytes // track.sample_bytes)
    return scale, tracks


def _take(track: _EditedTrack, kind: bytes, inside: memoryview) -> None:
    track.is_ambiguous |= kind in track.kinds & _TABLES
    track.kinds.add(kind)
    match kind:
        case b"hdlr" if not track.handler:
            track.handler = bytes(inside[8:12])
        case b"mdhd":
            track.scale = _scale(bytes(inside))
        case b"stsz" | b"stz2" if len(inside) >= 12:
            size, track.num_samples = struct.unpack_from(">II", inside, 4)
            track.sample_bytes = size if kind == b"stsz" else 0
        case b"stts":
            track.durations = _pairs(inside)
        case b"ctts":
            track.offsets = _pairs(inside)
        case b"elst":
            edits = list(_edits(inside))
            track.edits = [edit for edit in edits if edit[1] >= 0]
            track.is_shifted_only = all(first >= 0 for _, first, _ in edits[1:]) and len(track.edits) <= 1


def _scale(header: bytes) -> int:
    """Of `mvhd` or `mdhd`."""
    place = 20 if header[:1] > b"\0" else 12
    return int.from_bytes(header[place : place + 4], "big")


def _pairs(inside: memoryview) -> Numbers:
    whole = inside[8 : 8 + (len(inside) - 8) // 8 * 8]
    return np.frombuffer(whole, ">i4").astype(np.int64).reshape(-1, 2)[:MAX_SAMPLES]


def _edits(inside: memoryview) -> Iterator[tuple[int, int, int]]:
    if len(inside) < 8:
        return
    entry = ">qqI" if inside[0] == 1 else ">IiI"
    size = struct.calcsize(entry)
    (num_edits,) = struct.unpack_from(">I", inside, 4)
    for number in range(min(num_edits, (len(inside) - 8) // size, MAX_EDITS + 1)):
        yield struct.unpack_from(entry, inside, 8 + number * size)


def _hides_much(track: _EditedTrack, film_scale: int) -> bool:
    """Return whether edits remove more than a cut without recoding needs."""
    if not (track.edits and track.scale and film_scale and track.num_samples and len(track.durations)):
        return False
    shown = merged([(first, first + length * track.scale // film_scale) for length, first, _ in track.edits])
    starts, stops = np.array(shown, np.int64).T
    times, lasting = _times(track)
    total = int(lasting.sum())
    hidden_seconds = _hidden(times, lasting, starts, stops) / track.scale
    allowed = max(SLACK_SECONDS, min(MAX_HIDDEN_SECONDS, MAX_HIDDEN_RATIO * total / track.scale))
    return hidden_seconds > allowed or _left_out(times, lasting, starts, stops) / track.scale > MAX_LEFT_OUT_SECONDS


def _times(track: _EditedTrack) -> tuple[Numbers, Numbers]:
    """Return when each sample is shown, ascending, and for how long."""
    if track.num_samples > MAX_SAMPLES:
        return _equal_times(track)
    lasting = _each(track.durations, track.num_samples)
    decoded = np.cumsum(lasting) - lasting
    offsets = _each(track.offsets, len(decoded)) if len(track.offsets) else np.zeros(0, np.int64)
    shown = decoded + np.append(offsets, np.zeros(len(decoded) - len(offsets), np.int64))
    shown.sort()
    return shown, np.diff(shown, append=shown[-1:] + lasting[-1:])


def _equal_times(track: _EditedTrack) -> tuple[Numbers, Numbers]:
    counts, lengths = track.durations[:, 0], track.durations[:, 1]
    total = float((counts.astype(np.float64) * lengths).sum())
    borders = np.linspace(0, min(total, 2.0**60), MAX_SAMPLES + 1).astype(np.int64)
    return borders[:-1], np.diff(borders)


def _each(pairs: Numbers, num_samples: int) -> Numbers:
    """Return a number for each sample; the last one continues to the end."""
    counts = np.clip(pairs[:, 0], 0, num_samples)
    counts = np.diff(np.minimum(np.cumsum(counts), num_samples), prepend=0)
    found = np.repeat(pairs[:, 1], counts)
    return np.append(found, np.repeat(pairs[-1:, 1], num_samples - len(found)))


def _hidden(times: Numbers, lasting: Numbers, starts: Numbers, stops: Numbers) -> int:
    """Return the ticks of samples of which no part is shown."""
    places = np.searchsorted(starts, times + lasting, side="left") - 1
    is_shown = (places >= 0) & (stops[np.maximum(places, 0)] > times)
    return int(lasting[~is_shown].sum())


def _left_out(times: Numbers, lasting: Numbers, starts: Numbers, stops: Numbers) -> int:
    """Ticks for which the samples are shown, at most, that stand when a part begins."""
    places = np.searchsorted(times, starts, side="right") - 1
    begun = np.maximum(places, 0)
    stands = (places >= 0) & (times[begun] < starts)
    remaining = np.minimum(times[begun] + lasting[begun], stops) - starts
    return int(np.max(remaining[stands], initial=0))
