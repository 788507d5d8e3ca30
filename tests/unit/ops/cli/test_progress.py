"""Bars for who waits at a terminal, silence elsewhere; results in the order of the arguments."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.cli import analyze
from ops.cli.lines import Lines
from ops.cli.progress import counting
from schemas.uploads import FileSource, VideoUploaded
from streams.local_analysis import LocalResult
from tests.fakes import Terminal


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as someone sees it, from now on: pytest puts its own back before each test.

    A console asks once whether it is at a terminal, so an earlier test may have got another answer.
    """
    opened = Terminal()
    monkeypatch.setattr("sys.stderr", opened)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("ops.cli.progress.err", Lines(is_error=True))
    return opened


def counted(num_things: int, *, is_quiet: bool = False) -> None:
    """Count so many."""
    with counting("publishing", num_things, is_quiet=is_quiet) as done:
        for _ in range(num_things):
            done()


class TestBar:
    def test_counts_at_a_terminal(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """On standard error; standard output stays the answer's."""
        seen = terminal(monkeypatch)
        counted(3)
        assert "publishing" in seen.getvalue() and "3/3" in seen.getvalue()
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(("num_things", "is_quiet"), [(3, True), (1, False)])
    def test_is_silent_for_scripts_and_single_things(
        self, monkeypatch: pytest.MonkeyPatch, num_things: int, is_quiet: bool
    ) -> None:
        """Nobody waits for a bar of one."""
        seen = terminal(monkeypatch)
        counted(num_things, is_quiet=is_quiet)
        assert seen.getvalue() == ""

    def test_is_silent_in_a_pipe(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Not a byte."""
        counted(3)
        assert capsys.readouterr() == ("", "")


def upload(name: str) -> VideoUploaded:
    """Of a file."""
    return VideoUploaded(video_id=name, source=FileSource(path=f"/{name}"), uploaded_unix_seconds=1.0)


async def test_analyses_are_told_in_the_order_of_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although a later one is done first."""
    last_is_done = asyncio.Event()

    async def result_of(event: VideoUploaded) -> LocalResult:
        if event.video_id == "last":
            last_is_done.set()
        await last_is_done.wait()
        if event.video_id == "first":
            await asyncio.sleep(0)
        return cast("LocalResult", SimpleNamespace(video_id=event.video_id))

    told: list[str] = []
    monkeypatch.setattr(analyze, "_print", lambda result, _json: told.append(result.video_id))
    names = ["first", "second", "last"]
    outcomes = await analyze._run(cast("Any", SimpleNamespace(result_of=result_of)), [*map(upload, names)], True)
    assert told == names == [cast("Any", each).video_id for each in outcomes]
