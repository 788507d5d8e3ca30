"""Changed operators get another version of their results: old claims must not answer for new code."""

from __future__ import annotations

import pytest

from tests.code_versions import Noted, complaints, digest, main, noted, present

CODE = '''
"""What it is for."""
from elsewhere import helper

LIMIT = 3
"""How many."""


def total(values: list[int]) -> int:
    """The sum."""
    return sum(values[:LIMIT])  # the rest is noise
'''


class TestVersions:
    def test_stand_for_the_code_that_was_noted(self) -> None:
        """Anyone who changes an operator raises its agent's version, or says that no result can change."""
        now = present()
        assert complaints(noted(), now) == []
        assert noted() == now, "run `python -m tests.code_versions` after raising a version"

    def test_a_change_without_another_version_is_named(self) -> None:
        """With what to do; another version is as it should be."""
        before = {"frames": Noted(2, "a"), "audio": Noted(1, "b")}
        now = {"frames": Noted(2, "x"), "audio": Noted(2, "y")}
        (line,) = complaints(before, now)
        assert line.startswith("frames: its code changed and its version is still 2; raise code_version")

    def test_nothing_is_noted_without_another_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The command says what is wrong and leaves the file as it is."""
        monkeypatch.setattr("tests.code_versions.present", lambda: {"frames": Noted(noted()["frames"].version, "x")})
        before = noted()
        assert main([]) == 1
        assert noted() == before


class TestDigest:
    @pytest.mark.parametrize(
        ("said", "instead"),
        [("The sum.", "All of them."), ("# the rest is noise", ""), ("How many.", "At most."), (": list[int]", "")],
    )
    def test_words_do_not_matter(self, said: str, instead: str) -> None:
        """Comments, docstrings and annotations compute nothing."""
        assert digest([CODE.replace(said, instead)]) == digest([CODE])

    @pytest.mark.parametrize(("said", "instead"), [("= 3", "= 4"), ("[:LIMIT]", "[LIMIT:]"), ("sum(", "max(")])
    def test_code_matters(self, said: str, instead: str) -> None:
        """A constant, a slice, a function."""
        assert digest([CODE.replace(said, instead)]) != digest([CODE])

    def test_places_do_not_matter(self) -> None:
        """Definitions may move to another file, in another order."""
        first, second = CODE.split("\n\n\ndef")
        assert digest([f"def{second}", first]) == digest([CODE])

    def test_what_is_imported_counts(self) -> None:
        """The digest of an agent spans the operators that it calls, and not the decode, which has its own."""
        code = {name: entry.code for name, entry in present().items()}
        assert len(set(code.values())) == len(code) == 5
