"""Encrypted MP4 fails as such, whatever the scheme: of ISO/IEC 23001-7, or one that nobody knows."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.decoded_here import decoded_here
from tests.hostile_media import remuxed, write_video
from tests.unit.operators.media.test_coverage import KEYS

SCHEMES = (b"cenc", b"cbc1", b"cens", b"cbcs", b"piff", b"abcd")


def _encrypted(folder: Path, scheme: bytes) -> Path:
    plain = write_video(folder / "plain.mp4", num_frames=100, sound_seconds=4.0)
    path = remuxed(plain, folder / "encrypted.mp4", options=KEYS)
    whole = path.read_bytes()
    named = b"schm\0\0\0\0"
    assert whole.count(named + b"cenc") == 2
    path.write_bytes(whole.replace(named + b"cenc", named + scheme))
    return path


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.decode())
def test_an_encrypted_file_fails_as_a_whole(scheme: bytes, tmp_path: Path) -> None:
    """Nothing of it is taken for grey pictures and silence."""
    found = decoded_here(_encrypted(tmp_path, scheme))
    assert found.failure is not None
    assert found.failure.cause == "media-encrypted"
    assert found.pictures == []
    assert not found.speech.any()


@pytest.mark.parametrize("scheme", [b"cbcs", b"cens"], ids=lambda scheme: scheme.decode())
def test_a_pattern_of_blocks(scheme: bytes, tmp_path: Path) -> None:
    """One block of ten is encrypted, as cbcs does: the rest looks like pictures to a decoder that does not ask."""
    path = _encrypted(tmp_path, scheme)
    whole = bytearray(path.read_bytes())
    start = 0
    for _ in range(2):
        start = whole.index(b"tenc", start) + 4
        struct.pack_into(">IBB", whole, start, 1 << 24, 0, 0x19)
    path.write_bytes(whole)
    found = decoded_here(path)
    assert found.failure is not None
    assert found.failure.cause == "media-encrypted"


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.decode())
def test_without_a_word_of_each_sample(scheme: bytes, tmp_path: Path) -> None:
    """A constant vector needs no list; the sample description alone says that it is encrypted."""
    path = _encrypted(tmp_path, scheme)
    whole = path.read_bytes()
    for kind in (b"senc", b"saiz", b"saio"):
        whole = whole.replace(kind, b"free")
    path.write_bytes(whole)
    found = decoded_here(path)
    assert found.failure is not None
    assert found.failure.cause == "media-encrypted"
