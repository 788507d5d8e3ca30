"""Keys of a metadata file that nothing reads are told, on standard error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.cli.metadata_file import MetadataFile
from ops.cli.upload_fields import build_uploads


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"titel": "x"}, ["'titel' is neither a field nor a published file and was ignored; did you mean 'title'?"]),
        (
            {"bike.mp4": {}},
            ["'bike.mp4' names no published file and was ignored; did you mean 'bikes.mp4'?"],
        ),
        ({"zebra.mkv": {"title": "x"}}, ["has no entry for 'bikes.mp4'"]),
        ({"bikes.mp4": {"titel": "x"}}, ["'bikes.mp4.titel' is no field and was ignored; did you mean 'title'?"]),
        ({"bikes.mp4": {"title": "x"}, "title": "y"}, []),
        ({"title": "x", "market": "DE"}, []),
        ({}, []),
    ],
)
def test_unknown_keys(content: dict[str, Any], said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each one with what was likely meant; a field and a published file's name are known."""
    MetadataFile(Path("m.json"), content).warn_unknown(["/media/bikes.mp4"])
    read = capsys.readouterr()
    assert read.out == ""
    assert read.err.splitlines() == [f"warning: --metadata m.json: {line}" for line in said]


def test_uploads_are_built_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong key refuses nothing: the other fields count."""
    metadata = MetadataFile(Path("m.json"), {"titel": "x", "market": "DE"})
    (upload,) = build_uploads(["/media/bikes.mp4"], {"title": "of the option"}, metadata)
    assert (upload.title, upload.market) == ("of the option", "DE")
    assert "did you mean 'title'?" in capsys.readouterr().err


def test_a_long_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A file about a thousand videos of which one is published is as it should be."""
    MetadataFile(Path("m.json"), {f"{n}.mp4": {} for n in range(1_000)}).warn_unknown(["/media/7.mp4"])
    assert capsys.readouterr().err == ""


def test_a_long_list_without_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a file, however many entries have names like its own."""
    MetadataFile(Path("m.json"), {f"clip-{n:04}.mp4": {} for n in range(1_000)}).warn_unknown(["/media/clip-1000.mp4"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("names no published file and was ignored; did you mean 'clip-1000.mp4'?")


def test_many_wrong_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """A few lines, and how many more there are."""
    MetadataFile(Path("m.json"), {f"key-{n}": n for n in range(1_000)}).warn_unknown(["/media/7.mp4"])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 13
    assert lines[-1] == "warning: --metadata m.json: and 988 more such keys"
