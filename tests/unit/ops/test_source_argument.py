"""What `publish` and `analyze` take for media."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ops.cli.exit_codes import ExitCode
from ops.cli.local_media import path_problems
from ops.cli.metadata_file import read_metadata
from ops.cli.upload_fields import build_upload
from ops.source_argument import described, file_name, is_file, make_video_id
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


@pytest.mark.parametrize(
    ("medium", "words"),
    [
        (
            "file:///videos/my%20clip.mp4",
            "the scheme file is not taken here: give the path itself, /videos/my clip.mp4",
        ),
        ("file:/videos/clip.mp4", "give the path itself, /videos/clip.mp4"),
        (
            "FTP://host.example/clip.mp4",
            "the scheme ftp is not taken: give a path, or an address that begins with http://",
        ),
        ("rtsp://camera.example/live", "the scheme rtsp is not taken"),
        ("hdfs://name/clip.mp4", "the scheme hdfs is not taken"),
        ("data:video/mp4;base64,AAAA", "the scheme data is not taken"),
    ],
)
def test_other_schemes_are_said_not_to_be_taken(medium: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By name, with what to give instead; they are no files that are missing."""
    with pytest.raises(typer.Exit) as left:
        build_upload(medium, {})
    assert left.value.exit_code == ExitCode.USAGE
    assert words in " ".join(capsys.readouterr().err.split())
    assert words in path_problems([medium])[0]


def test_a_file_may_have_a_name_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is a file, whatever its name; colons alone make no scheme."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data:1.mp4").write_bytes(b"x")
    assert path_problems(["data:1.mp4"]) == []
    assert "scheme" not in path_problems(["12:30 talk.mp4"])[0]


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


def test_a_loop_of_links_is_a_path(tmp_path: Path) -> None:
    """It is published as it is; the worker answers for it."""
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    source = build_upload(loop, {}).source
    assert isinstance(source, FileSource)
    assert source.path == str(loop)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"title": "all of them"}', {"title": "all of them"}),
        ('{"clip.mp4": {"title": "this one"}, "other.mp4": {}}', {"title": "this one"}),
        ('{"other.mp4": {"title": "another"}}', {}),
    ],
)
def test_metadata(content: str, expected: dict[str, str], tmp_path: Path) -> None:
    """Fields of every file, or by file name."""
    file = tmp_path / "metadata.json"
    file.write_text(content)
    assert read_metadata(file).fields_of("/media/clip.mp4") == expected


@pytest.mark.parametrize("value", ['"a text"', "3", "null", "[]"])
def test_metadata_of_a_file_that_is_no_object(value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file's name with anything but fields behind it is told, and not a traceback."""
    file = tmp_path / "metadata.json"
    file.write_text(f'{{"clip.mp4": {value}}}')
    with pytest.raises(typer.Exit) as left:
        read_metadata(file).fields_of("/media/clip.mp4")
    assert left.value.exit_code == 2
    assert "expected an object with fields of the upload" in " ".join(capsys.readouterr().err.split())
