"""Dolby Vision without a compatible base is not judged as if its pictures were ordinary; all other profiles are."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.decoded_here import decoded_here
from tests.dolby_vision import configuration, metadata_unit, with_configuration, write_hevc
from tests.hostile_media import remuxed, write_video

FOREIGN = ((5, 0), (3, 0), (10, 0), (20, 0))
ORDINARY = ((4, 2), (4, 0), (7, 6), (7, 0), (8, 1), (8, 2), (8, 4), (9, 2), (10, 1), (10, 4), (20, 1))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HEVC without metadata."""
    return write_hevc(tmp_path_factory.mktemp("dolby") / "plain.mp4")


def _stated(plain: Path, folder: Path, profile: int, compatible: int) -> Path:
    path = folder / "stated.mp4"
    path.write_bytes(with_configuration(plain.read_bytes(), configuration(profile, compatible)))
    return path


@pytest.mark.parametrize(
    ("suffix", "profile", "compatible"),
    [*(("mp4", *stated) for stated in FOREIGN), *(("mkv", *stated) for stated in FOREIGN if stated[0] <= 10)],
)
def test_a_profile_without_a_base_fails_by_name(
    plain: Path, suffix: str, profile: int, compatible: int, tmp_path: Path
) -> None:
    """The configuration is enough, whatever the pictures carry; Matroska has it in its track description."""
    path = _stated(plain, tmp_path, profile, compatible)
    if suffix != "mp4":
        path = remuxed(path, tmp_path / f"stated.{suffix}")
    found = decoded_here(path)
    assert found.failure is not None and found.failure.cause == "media-no-decoder"
    assert f"profile {profile}" in found.failure.message
    assert found.pictures == []


@pytest.mark.parametrize(("profile", "compatible"), ORDINARY)
def test_a_profile_with_a_base_is_analysed(plain: Path, profile: int, compatible: int, tmp_path: Path) -> None:
    """Also where an old file does not state with what its base is compatible, because the profile says it."""
    found = decoded_here(_stated(plain, tmp_path, profile, compatible))
    assert found.failure is None and len(found.pictures) > 1
    assert found.receipt is not None and found.receipt.video is not None and found.receipt.video.seen_ratio == 1.0


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_metadata_of_profile_5_is_enough(suffix: str, tmp_path: Path) -> None:
    """A container that has lost the configuration changes nothing about the colours."""
    found = decoded_here(write_hevc(tmp_path / f"carried.{suffix}", unit=metadata_unit(5)))
    assert found.failure is not None and found.failure.cause == "media-no-decoder"
    assert "Dolby Vision" in found.failure.message and found.pictures == []


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_metadata_over_an_ordinary_base_changes_nothing(suffix: str, tmp_path: Path) -> None:
    """As in profile 8, which phones record."""
    path = write_hevc(tmp_path / f"carried.{suffix}", unit=metadata_unit(8))
    with av.open(str(path)) as container:
        assert any(data.type.name == "DOVI_METADATA" for data in next(container.decode(video=0)).side_data)
    found = decoded_here(path)
    assert found.failure is None and len(found.pictures) > 1
    assert found.receipt is not None and found.receipt.decode_errors == 0


def test_the_sound_of_such_pictures_is_analysed(tmp_path: Path) -> None:
    """The pictures fail with their cause, the sound gives its answer."""
    plain = write_video(tmp_path / "plain.mp4", num_frames=30, sound_seconds=1.2, codec="libx265", index_first=False)
    path = tmp_path / "stated.mp4"
    path.write_bytes(with_configuration(plain.read_bytes(), configuration(5, 0)))
    found = decoded_here(path)
    assert found.failure is None and found.pictures == []
    assert found.video_fault is not None and found.video_fault.cause == "media-no-decoder"
    assert len(found.speech) > 16_000


def test_another_track_of_such_a_profile_is_only_named(plain: Path, tmp_path: Path) -> None:
    """The configuration of one track says nothing about another one."""
    ordinary = write_video(tmp_path / "ordinary.mp4", num_frames=30, index_first=False)
    stated = _stated(plain, tmp_path, 5, 0)
    path = tmp_path / "two.mp4"
    with av.open(str(ordinary)) as first, av.open(str(stated)) as second, av.open(str(path), "w") as both:
        targets = [both.add_stream_from_template(source.streams.video[0]) for source in (first, second)]
        for source, target in zip((first, second), targets, strict=True):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = target
                    both.mux(packet)
    found = decoded_here(path)
    assert found.failure is None and found.pictures and found.video_fault is None
    assert found.index is not None and [track.kind for track in found.index.unseen] == ["video"]


@pytest.mark.parametrize("matrix", [8, 14, 15])
def test_colours_that_nothing_converts_are_no_pictures(matrix: int, tmp_path: Path) -> None:
    """YCgCo, ICtCp and IPT look like other pictures to a decoder that takes them for YCbCr."""
    path = write_video(tmp_path / "plain.mkv", num_frames=10, options={"colorspace": str(matrix)})
    found = decoded_here(path)
    assert found.failure is not None and found.failure.cause == "media-no-decoder"
    assert "colours" in found.failure.message and found.pictures == []
