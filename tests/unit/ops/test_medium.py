"""What `publish` and `analyze` take for media."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ops.cli.medium import described, file_name, is_file, make_video_id
from ops.cli.publish import build_upload
from schemas.uploads import FileSource, ObjectSource, UrlSource


@pytest.mark.parametrize(
    ("medium", "kind"),
    [
        ("clip.mp4", FileSource),
        ("http:clip.mp4", FileSource),
        ("https://cdn.example/a.mp4?x=1", UrlSource),
        ("HTTP://cdn.example/a.mp4", UrlSource),
        ("s3://uploads/a.mp4", ObjectSource),
        ("gs://uploads/a.mp4", ObjectSource),
        ("az://uploads/a.mp4", ObjectSource),
    ],
)
def test_kind_follows_from_the_scheme(medium: str, kind: type) -> None:
    """Addresses of web and stores are taken as they are, anything else is a path."""
    source = build_upload(medium, {}).source
    assert isinstance(source, kind)
    assert is_file(medium) is (kind is FileSource)
    if isinstance(source, UrlSource | ObjectSource):
        assert source.url == medium


def test_files_are_published_by_their_whole_path(tmp_path: Path) -> None:
    """Workers stand in another folder."""
    source = build_upload(tmp_path / "clip.mp4", {}).source
    assert isinstance(source, FileSource)
    assert source.path == str(tmp_path / "clip.mp4")


def test_checksum_is_passed_on() -> None:
    """In lower case, as the event wants it; what is no SHA-256 is refused."""
    assert build_upload("https://cdn.example/a.mp4", {}, sha256="AB" * 32).source.sha256 == "ab" * 32
    with pytest.raises(typer.Exit):
        build_upload("https://cdn.example/a.mp4", {}, sha256="12")


def test_ids_tell_videos_apart() -> None:
    """By the whole address: a query may be all that differs; the name stays readable."""
    first, second = (make_video_id(f"https://cdn.example/watch/clip.mp4?v={number}") for number in (1, 2))
    assert first != second
    assert first.startswith("clip-")
    assert make_video_id("https://cdn.example/watch/clip.mp4?v=1") == first
    assert file_name("https://cdn.example/watch/clip.mp4?v=1/2") == "clip.mp4"


def test_signatures_are_not_shown() -> None:
    """What is printed of an address has no query."""
    assert "SECRET" not in described(UrlSource(url="https://cdn.example/a.mp4?signature=SECRET"))
