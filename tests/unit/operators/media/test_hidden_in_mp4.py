"""Boxes of MP4 that are known hide no more than others: what they do not need by their own counts is named."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from operators.media.containers import MediaFile
from operators.media.ledgers.mp4 import mp4_ledger
from tests.boxes import box, found_box, table, with_box
from tests.hostile_media import remuxed, write_video
from tests.indexed_here import hidden_bytes, indexed_here

NOISE = np.random.default_rng(8).bytes(200_000)
REVIEWED_BYTES = 64 * 1024
"""From here on the default policy asks a person."""
NUM_ENTRIES = len(NOISE) // 8


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of pictures and sound, its index at the end."""
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    return write_video(path, num_frames=25, sound_seconds=1.0, index_first=False).read_bytes()


@pytest.fixture(scope="module")
def recording(film: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same in fragments."""
    folder = tmp_path_factory.mktemp("recording")
    (folder / "a.mp4").write_bytes(film)
    return remuxed(folder / "a.mp4", folder / "b.mp4", options={"movflags": "frag_every_frame+empty_moov"}).read_bytes()


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "a.mp4"
    path.write_bytes(content)
    return path


TOP: dict[str, bytes] = {
    "pdin": box(b"pdin", NOISE),
    "sidx": box(b"sidx", NOISE),
    "sidx that counts more segments than there are": box(b"sidx", bytes(22) + b"\xff\xff" + NOISE),
    "many of sidx": box(b"sidx", struct.pack(">IIIIIHH", 0, 1, 1000, 0, 0, 0, 1) + b"\0" + NOISE[:11]) * 4_000,
    "ssix": box(b"ssix", NOISE),
    "prft": box(b"prft", NOISE),
    "many of prft": box(b"prft", b"\1\0\0\0" + NOISE[:20]) * 6_000,
    "styp": box(b"styp", NOISE),
    "mfra": box(b"mfra", NOISE),
    "mfra, tfra": box(b"mfra", box(b"tfra", struct.pack(">IIII", 0, 1, 0, NUM_ENTRIES) + NOISE)),
    "mfra, a box of no kind": box(b"mfra", box(b"abcd", NOISE)),
    "moof": box(b"moof", NOISE),
    "moof, free": box(b"moof", box(b"free", NOISE)),
    "moof, mfhd": box(b"moof", box(b"mfhd", NOISE)),
    "moof that refers to nothing": box(
        b"moof", box(b"traf", box(b"tfhd", struct.pack(">II", 0x01003B, 1) + NOISE[:24]))
    )
    * 5_000,
    "media data behind 100,000 boxes": box(b"free", b"") * 100_001 + box(b"mdat", NOISE),
}
TABLE: dict[str, tuple[str, bytes]] = {
    "iods": ("moov", box(b"iods", NOISE)),
    "mvhd twice": ("moov", box(b"mvhd", NOISE[:100]) * 2_000),
    "edits without end": ("moov/trak/edts", table(b"elst", NUM_ENTRIES, NOISE)),
    "data references": ("moov/trak/mdia/minf/dinf", table(b"dref", 1, box(b"url ", b"\0\0\0\1") + NOISE)),
    "sync samples": ("moov/trak/mdia/minf/stbl", table(b"stss", 2 * NUM_ENTRIES, NOISE)),
    "shadow samples": ("moov/trak/mdia/minf/stbl", table(b"stsh", NUM_ENTRIES, NOISE)),
    "priorities": ("moov/trak/mdia/minf/stbl", box(b"stdp", bytes(4) + NOISE)),
    "dependencies": ("moov/trak/mdia/minf/stbl", box(b"sdtp", bytes(4) + NOISE)),
    "sample groups": (
        "moov/trak/mdia/minf/stbl",
        box(b"sbgp", b"\0\0\0\0roll" + struct.pack(">I", NUM_ENTRIES) + NOISE),
    ),
    "descriptions of groups": (
        "moov/trak/mdia/minf/stbl",
        box(b"sgpd", b"\1\0\0\0roll" + struct.pack(">II", len(NOISE), 1) + NOISE),
    ),
    "parts of samples": ("moov/trak/mdia/minf/stbl", table(b"subs", NUM_ENTRIES, NOISE)),
    "auxiliary sizes": ("moov/trak/mdia/minf/stbl", box(b"saiz", bytes(5) + struct.pack(">I", len(NOISE)) + NOISE)),
    "auxiliary places": ("moov/trak/mdia/minf/stbl", table(b"saio", NUM_ENTRIES * 2, NOISE)),
    "behind 100,000 boxes": ("moov", box(b"free", b"") * 100_001 + box(b"abcd", NOISE)),
    "nine bytes each": ("moov", box(b"abcd", b"x") * 100_000),
    "many short notes": ("moov", box(b"udta", NOISE[:400]) * 2_000),
    "a name": ("moov/trak/mdia", box(b"hdlr", NOISE)),
}


@pytest.mark.parametrize("name", TOP)
def test_boxes_at_the_top_level(name: str, film: bytes, tmp_path: Path) -> None:
    """Next to a film that has no fragments."""
    assert hidden_bytes(_written(tmp_path, film + TOP[name])) >= REVIEWED_BYTES


@pytest.mark.parametrize("name", TABLE)
def test_boxes_of_the_table_of_contents(name: str, film: bytes, tmp_path: Path) -> None:
    """Whatever they count."""
    place, extra = TABLE[name]
    assert hidden_bytes(_written(tmp_path, with_box(film, place, extra))) >= REVIEWED_BYTES


@pytest.mark.parametrize("kind", [b"tfhd", b"trun", b"tfdt", b"sidx", b"styp"])
def test_boxes_of_a_recording(kind: bytes, recording: bytes, tmp_path: Path) -> None:
    """A last fragment, whose only sample is one that was shown before."""
    noise = {kind: NOISE}
    offset = 8 + recording.index(b"mdat") - 4 - len(recording)
    header = box(b"tfhd", struct.pack(">II", 0x020000, 1) + noise.get(b"tfhd", b""))
    time_box = box(b"tfdt", struct.pack(">II", 0, 10**6) + noise.get(b"tfdt", b""))
    ahead = b"".join(box(other, noise[other]) for other in (b"sidx", b"styp") if other in noise)
    run = box(b"trun", struct.pack(">IIiI", 0x201, 1, offset - len(ahead), 100) + noise.get(b"trun", b""))
    fragment = box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", header + time_box + run))
    assert hidden_bytes(_written(tmp_path, recording + ahead + fragment)) >= REVIEWED_BYTES


def test_what_a_film_is_named_as(film: bytes, tmp_path: Path) -> None:
    """In a box that is known as well as in one that is not."""
    for kind in (b"pdin", b"sidx", b"prft"):
        unseen = indexed_here(_written(tmp_path, film + box(kind, film + NOISE))).unseen
        assert [(track.kind, track.codec) for track in unseen] == [("hidden", "mp4")]


def test_tables_of_a_track_of_data(film: bytes, tmp_path: Path) -> None:
    """No player reads them: they count as the data that they are about does."""
    tables = (
        table(b"stsd", 1, box(b"mett", bytes(6) + b"\0\1" + b"\0\0")),
        table(b"stts", 25_000, NOISE),
        table(b"stsc", 1, struct.pack(">III", 1, 25_000, 1)),
        box(b"stsz", struct.pack(">III", 0, 0, 25_000) + struct.pack(">I", 1) * 25_000),
        table(b"stco", 1, struct.pack(">I", film.index(b"mdat") + 4)),
    )
    media = box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 1000, 0, 0))
    media += box(b"hdlr", bytes(8) + b"meta" + bytes(13)) + box(b"minf", box(b"stbl", b"".join(tables)))
    track = box(b"trak", box(b"tkhd", struct.pack(">IIII", 0, 0, 0, 9) + bytes(68)) + box(b"mdia", media))
    assert hidden_bytes(_written(tmp_path, with_box(film, "moov", track))) >= REVIEWED_BYTES


@pytest.fixture(scope="module")
def hybrid(film: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording in fragments that was given a table of contents at its end."""
    folder = tmp_path_factory.mktemp("hybrid")
    (folder / "a.mp4").write_bytes(film)
    path = remuxed(folder / "a.mp4", folder / "b.mp4", options={"movflags": "hybrid_fragmented+frag_every_frame"})
    whole = path.read_bytes()
    assert whole.count(b"moof") > 20 and whole.index(b"mdat") < whole.index(b"moov")
    return whole


def _in_front_of_table(whole: bytes, extra: bytes) -> bytes:
    """At the end of the media data, which holds all of the recording."""
    place, first = whole.rindex(b"moov") - 4, whole.index(b"mdat") - 4
    size = struct.pack(">I", struct.unpack_from(">I", whole, first)[0] + len(extra))
    return whole[:first] + size + whole[first + 4 : place] + extra + whole[place:]


def _copies(whole: bytes) -> bytes:
    first = whole.index(b"moof") - 4
    return whole[first : first + struct.unpack_from(">I", whole, first)[0]] * 1_500


@pytest.mark.parametrize(
    "extra",
    [
        lambda _: box(b"mdat", NOISE),
        lambda _: box(b"free", NOISE),
        lambda _: box(b"abcd", NOISE),
        lambda _: box(b"moov", NOISE),
        lambda _: box(b"moof", NOISE),
        lambda _: NOISE,
        _copies,
        lambda whole: _copies(whole).replace(b"tfhd\0\0", b"tfhd\0\1"),
    ],
    ids=["media data", "free space", "no kind", "a table", "a fragment", "no box", "copies", "copies without samples"],
)
def test_boxes_of_a_recording_that_became_media_data(
    extra: Callable[[bytes], bytes], hybrid: bytes, tmp_path: Path
) -> None:
    """Only fragments whose samples the table lists have a purpose, each once."""
    assert hidden_bytes(_written(tmp_path, _in_front_of_table(hybrid, extra(hybrid)))) >= REVIEWED_BYTES


@pytest.mark.parametrize("kind", ["stsz", "stsc", "stco"])
def test_two_tables_of_one_kind(kind: str, film: bytes, tmp_path: Path) -> None:
    """Players differ in which one they take, so neither counts."""
    stbl = "moov/trak/mdia/minf/stbl"
    content = with_box(film, stbl, box(kind.encode(), found_box(film, f"{stbl}/{kind}")))
    with _written(tmp_path, content).open("rb") as file:
        ledger = mp4_ledger(MediaFile(file.fileno(), len(content), 10**6))
    assert sum(stop - start for start, stop in ledger.strays) > 2_500


@pytest.mark.parametrize("place", ["moov", "end", "moof"])
def test_crafted_boxes_cost_little(place: str, film: bytes, tmp_path: Path) -> None:
    """Those that lie side by side are looked at as one, and no more are read than is allowed."""
    small = box(b"abcd", b"x") * 110_000
    content = {"moov": with_box(film, "moov", small), "end": film + small, "moof": film + box(b"moof", small)}[place]
    with _written(tmp_path, content).open("rb") as file:
        ledger = mp4_ledger(MediaFile(file.fileno(), len(content), 10**6))
    assert len(ledger.strays) <= 3
    assert sum(stop - start for start, stop in ledger.strays) >= 9 * 100_000


def test_many_tracks_next_to_a_long_one_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples of a track are joined with those of all others once, not again for each of them."""
    num_chunks, num_joined, join = 10_000, 0, np.concatenate
    sizes = box(b"stsz", struct.pack(">III", 0, 1, num_chunks))
    chunks = box(b"stco", struct.pack(">II", 0, num_chunks) + bytes(4 * num_chunks))
    long = box(b"minf", box(b"stbl", sizes + box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)) + chunks))
    content = box(b"ftyp", bytes(8)) + box(b"moov", box(b"trak", box(b"mdia", long)) + 200 * box(b"trak", b""))

    def counting(arrays: Sequence[np.ndarray], *args: Any, **named: Any) -> Any:
        nonlocal num_joined
        num_joined += sum(len(array) for array in arrays)
        return join(arrays, *args, **named)

    monkeypatch.setattr(np, "concatenate", counting)
    with _written(tmp_path, content).open("rb") as file:
        mp4_ledger(MediaFile(file.fileno(), len(content), 10**6))
    assert num_chunks <= num_joined <= 10 * num_chunks


def test_a_picture_on_the_cover_hides_nothing(film: bytes, tmp_path: Path) -> None:
    """What is behind the end of the picture counts as other metadata does."""
    jpeg = write_video(tmp_path / "a.jpg", num_frames=1, codec="mjpeg", pixel_format="yuvj420p").read_bytes()
    data = box(b"data", struct.pack(">II", 13, 0) + jpeg + 4 * NOISE)
    items = box(b"ilst", box(b"covr", data))
    handler = box(b"hdlr", bytes(8) + b"mdir" + bytes(13))
    whole = with_box(film, "moov", box(b"udta", box(b"meta", bytes(4) + handler + items)))
    assert found_box(whole, "moov/mvhd")
    assert hidden_bytes(_written(tmp_path, whole)) >= REVIEWED_BYTES
