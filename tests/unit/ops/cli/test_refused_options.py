"""What a command says about a value that no event may have: in the words of intake, under the option's name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from schemas.patterns import END

PUBLISH = ("publish", "--no-check", "/media/a.mp4")


def refused(*words: str) -> str:
    """What is said on a refusal, on one line."""
    ended = CliRunner().invoke(app, list(words))
    assert ended.exit_code == ExitCode.USAGE, ended.output
    said = " ".join(ended.output.split())
    assert "Expected `" not in said and END not in said and "$." not in said.replace(": $.", "")
    return said


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--market", "de", "--market is 'de'; allowed: two capital letters"),
        ("--market", "de", "did you mean 'DE'?"),
        ("--video-id", "a/b", "--video-id is 'a/b'; allowed: 1 to 128 of the characters"),
        ("--sha256", "abc", "--sha256 is 'abc'; allowed: 64 lower-case hexadecimal digits"),
        ("--lane", "liv", "--lane is 'liv'; allowed: backfill, live; did you mean 'live'?"),
        ("--deadline", "0", "--deadline is 0.0; allowed: a number above 0 up to 604800"),
        ("--deadline", "nan", "--deadline is nan; allowed: a number above 0 up to 604800"),
        ("--deadline", "99999999", "--deadline is 99999999.0; allowed"),
        ("--revision", "0", "--revision is 0; allowed: a whole number from 1"),
        ("--creator", "c" * 201, "(201 characters); allowed: a text of at most 200 characters"),
    ],
)
def test_an_option_of_publish(option: str, value: str, said: str) -> None:
    """Option, value found and allowed values, and no pattern of the schema."""
    assert said in refused(*PUBLISH, option, value)


def test_an_address_without_a_key() -> None:
    """The path is named, with the form that is allowed."""
    assert "PATH is 's3://bucket'; allowed: s3://bucket/key" in refused("publish", "s3://bucket")


def test_a_field_of_a_metadata_file(tmp_path: Path) -> None:
    """Is told with the file and the field's own name: no option was wrong."""
    file = tmp_path / "m.json"
    file.write_text(json.dumps({"title": 5}))
    assert "m.json: $.title is 5; allowed: a text" in refused(*PUBLISH, "--metadata", str(file))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("v", "lik"), "KIND is 'lik'; allowed: comment, completion"),
        (("v", "lik"), "did you mean 'like'?"),
        (("a/b", "like"), "VIDEO_ID is 'a/b'; allowed: 1 to 128"),
        (("v", "view", "--watch-seconds", "-1"), "--watch-seconds is -1.0; allowed: a number from 0"),
        (("v", "view", "--event-id", "e" * 129), "allowed: a text of 1 to 128 characters"),
    ],
)
def test_an_argument_of_engagement(words: tuple[str, ...], said: str) -> None:
    """The same for one event of engagement."""
    assert said in refused("engagement", "publish", *words)


def test_the_id_of_a_video_to_forget() -> None:
    """The same for a deletion."""
    assert "VIDEO_ID is 'a/b'; allowed: 1 to 128" in refused("forget", "a/b")
