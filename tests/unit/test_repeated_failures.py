"""Which failed runs the gate lets pass."""

from __future__ import annotations

import pytest

from tests.repeated_failures import MAX_FAILURES, repeat

_FAILED = int(pytest.ExitCode.TESTS_FAILED)


class TestRepeat:
    def test_a_test_that_passes_alone_is_named_and_lets_the_run_pass(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Load and order are no faults of the change under test, but somebody must mend the test."""
        assert repeat(_FAILED, ["a.py::test_b"], lambda name: True) == 0
        assert "UNSTABLE a.py::test_b" in capsys.readouterr().out

    def test_a_test_that_fails_again_fails_the_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One of two is enough, and only that one is named as a fault."""
        assert repeat(_FAILED, ["a.py::test_b", "a.py::test_c"], lambda name: name == "a.py::test_b") == 1
        assert "FAILED TWICE a.py::test_c" in capsys.readouterr().out

    def test_many_failures_are_not_repeated(self) -> None:
        """More than a few are a fault, whatever they do alone."""
        failures = [f"a.py::test_{index}" for index in range(MAX_FAILURES + 1)]
        assert repeat(_FAILED, failures, lambda name: True) == 1

    @pytest.mark.parametrize("status", [*sorted(set(pytest.ExitCode) - {pytest.ExitCode.TESTS_FAILED}), -1])
    def test_a_run_that_did_not_end_by_itself_is_not_repeated(self, status: int) -> None:
        """An interrupted run, an internal error, or style that failed before: nobody knows what the rest does."""
        assert repeat(int(status), ["a.py::test_b"], lambda name: True) == 1

    def test_a_failed_run_without_a_failed_test_fails(self) -> None:
        """Exit code 1 with an empty list is a cache that was not written."""
        assert repeat(_FAILED, [], lambda name: True) == 1
