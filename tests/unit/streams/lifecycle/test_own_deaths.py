"""Which ends of a worker say something about the work that they interrupted, and how many are enough."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from streams.config.settings import Settings, read_settings
from streams.lifecycle.own_deaths import OwnDeaths, end_kind
from streams.worker import note_death


@pytest.mark.parametrize(("ended_by", "expected"), [
    ("SIGSEGV", "crash"), ("SIGABRT", "crash"), ("SIGBUS", "crash"), ("exit code 1", "crash"),
    ("SIGKILL", "unsure"), ("exit code 71", "unsure"),
    ("exit code 70", None), ("exit code 72", None),
])  # fmt: skip
def test_kind_of_end(ended_by: str, expected: str | None) -> None:
    """A crash is of the work; the OOM killer and a stall may be of another role; a reported fatal error always is."""
    assert end_kind(ended_by) == expected


@pytest.mark.parametrize(("num_crashes", "num_unsure", "is_enough"), [
    (1, 0, False), (2, 0, True), (0, 3, False), (0, 4, True), (1, 2, False), (1, 3, True),
])  # fmt: skip
def test_how_many_are_enough(num_crashes: int, num_unsure: int, is_enough: bool) -> None:
    """Each crash loop ends after four deaths at most."""
    assert OwnDeaths(num_crashes, num_unsure).is_enough is is_enough


class TestNote:
    """What the parent process records depends on how the worker ended."""

    @pytest.fixture
    def noted(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
        """Kind of entry and kind of end, as they reach the store."""
        calls: list[tuple[str, str]] = []

        async def of_fold(_deaths: object, _gaps: object, fact: object, end: str) -> None:
            assert fact == note_death.folded_fact(FOLD)
            calls.append(("fold", end))

        async def of_batch(_redis: object, _keys: object, _found: object, end: str) -> None:
            calls.append(("batch", end))

        async def of_event(_attempts: object, key: str) -> None:
            calls.append(("event", key))

        monkeypatch.setattr(note_death, "note_fold_death", of_fold)
        monkeypatch.setattr(note_death, "note_counting_death", of_batch)
        monkeypatch.setattr(note_death.Attempts, "note_death", of_event)
        yield calls

    @pytest.mark.parametrize(("ended_by", "expected"), [
        ("SIGSEGV", [("fold", "crash"), ("batch", "crash"), ("event", "key")]),
        ("SIGKILL", [("fold", "unsure"), ("batch", "unsure"), ("event", "key")]),
        ("exit code 70", [("event", "key")]),
    ])  # fmt: skip
    def test_what_is_recorded(
        self, noted: list[tuple[str, str]], ended_by: str, expected: list[tuple[str, str]], settings: Settings
    ) -> None:
        """Facts and counted batches by the kind of end; an exclusive event as ever."""
        note_death.note_death(settings, "1", [FOLD, BATCH, "key"], ended_by)
        assert noted == expected

    @pytest.fixture
    def settings(self) -> Settings:
        """Of no store that exists; opening a client connects to nothing."""
        return read_settings()


FOLD = json.dumps(["fold", "video", "video.signals", 0, 4, 0])
BATCH = json.dumps(["engagement", "video.engagement", 0, 5, 5])
