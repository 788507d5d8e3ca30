"""`vidsignal review`: what is refused before anything is written; `test_engagement` has the way to a verdict."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from click.testing import Result
from typer.testing import CliRunner

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from streams.store.keys import Keys

Review = Callable[..., Result]


@pytest.fixture
def review(redis_url: str) -> Review:
    """Runs the command against a store that knows revision 2 of `v1`."""
    with redis.Redis.from_url(redis_url) as client:
        client.hset(Keys().status("v1"), mapping={"status": "final", "revision": "2"})

    def run(*words: str, action: str = "allow", by: str = "ann") -> Result:
        words = ("review", *words, "--action", action, "--by", by)
        return CliRunner().invoke(app, words, env={"VIDSIGNAL_REDIS_URL": redis_url})

    return run


def test_an_action_that_is_none(review: Review) -> None:
    """The message says which there are; asking for another person's look is no decision."""
    refused = review("v1", action="review")
    assert refused.exit_code == ExitCode.USAGE
    assert "'review'; allowed are allow, limit, block" in refused.stderr


def test_nobody(review: Review) -> None:
    """A decision is somebody's."""
    refused = review("v1", by="")
    assert (refused.exit_code, "--by is ''; allowed" in refused.stderr) == (ExitCode.USAGE, True)


def test_an_unknown_video(review: Review) -> None:
    """There is nothing to decide on."""
    refused = review("elsewhere")
    assert (refused.exit_code, "'elsewhere'" in refused.stderr) == (ExitCode.FOUND, True)


@pytest.mark.parametrize("revision", ["1", "3"])
def test_another_revision(review: Review, revision: str) -> None:
    """What was looked at is not what is shown to viewers."""
    refused = review("v1", "--revision", revision)
    assert refused.exit_code == ExitCode.FOUND
    assert f"--revision is {revision}, but the current one of 'v1' is 2" in refused.stderr
