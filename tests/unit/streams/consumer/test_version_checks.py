"""Versions are checked before anything starts."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from streams.consumer.version_checks import PINNED, WrongVersion, check_versions


class TestCheckPins:
    def test_accepts_what_is_installed(self) -> None:
        """The environment that runs the tests has the pinned versions."""
        check_versions()
        assert set(PINNED) == {"faust-streaming", "aiokafka"}
        assert {name: version(name) for name in PINNED} == PINNED

    def test_names_what_is_wrong(self) -> None:
        """The message quotes the version found and the one that is expected."""
        with pytest.raises(WrongVersion, match=r"aiokafka .*expected 0\.0\.1"):
            check_versions({"aiokafka": "0.0.1"})

    def test_names_what_is_missing(self) -> None:
        """A package that is not there is said to be."""
        with pytest.raises(WrongVersion, match="no-such-package is not installed"):
            check_versions({"no-such-package": "1"})
