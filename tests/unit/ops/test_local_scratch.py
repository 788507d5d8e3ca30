"""Scratch folders: gone after use, swept after a kill."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.scratch import remove_abandoned, scratch_dir

_OWNER = """
import sys
from ops.local.scratch import scratch_dir
with scratch_dir() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_temporary_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the sweeping to this test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


class TestScratchDir:
    def test_removed_after_an_error(self) -> None:
        """The folder is gone afterwards, also when its user failed."""
        with pytest.raises(ZeroDivisionError), scratch_dir() as folder:
            (folder / "file").write_text("x")
            raise ZeroDivisionError

        assert not folder.exists()

    def test_a_held_folder_is_left_alone(self) -> None:
        """Nobody sweeps a folder in use."""
        with scratch_dir() as folder:
            remove_abandoned()

            assert folder.is_dir()

    def test_the_folder_of_a_killed_process_is_removed(self) -> None:
        """What a killed process left is removed by the next one that needs a folder."""
        owner = subprocess.Popen(
            [sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert owner.stdout is not None
        left_behind = Path(owner.stdout.readline().strip())
        owner.kill()
        owner.communicate()
        assert left_behind.is_dir()

        with scratch_dir():
            assert not left_behind.exists()
