"""Lock files of wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.weights import LOCK_FILE as WEIGHTS_LOCK
from ops.assets.lockfile import PinnedWheel, read_lock
from ops.assets.samples import LOCK_FILE as SAMPLES_LOCK

DIGEST = "0" * 64


class TestReadLock:
    """`read_lock`."""

    def test_lines(self, tmp_path: Path) -> None:
        """Comments and empty lines are passed over; a pin reads as it is written."""
        lock = tmp_path / "some.lock"
        lock.write_text(f"# remark\n\nsome-net==1.2 --hash=sha256:{DIGEST}\n")

        assert {"some-net==1.2": PinnedWheel("some-net==1.2", DIGEST)} == read_lock(lock)

    @pytest.mark.parametrize(
        "line", ["some-net==1.2", f"some-net --hash=sha256:{DIGEST}", "some-net==1.2 --hash=sha256:0123"]
    )
    def test_unpinned(self, tmp_path: Path, line: str) -> None:
        """A line without an exact version or a whole hash is refused and quoted."""
        lock = tmp_path / "some.lock"
        lock.write_text(line + "\n")

        with pytest.raises(ValueError, match=line[:8]):
            read_lock(lock)

    def test_twice(self, tmp_path: Path) -> None:
        """A package pinned twice is refused."""
        lock = tmp_path / "some.lock"
        lock.write_text(f"some-net==1.2 --hash=sha256:{DIGEST}\n" * 2)

        with pytest.raises(ValueError, match="twice"):
            read_lock(lock)

    @pytest.mark.parametrize("lock", [WEIGHTS_LOCK, SAMPLES_LOCK])
    def test_requirements_format(self, lock: Path) -> None:
        """Our own lock files read, and a pin writes itself as pip wants it: line for line the file."""
        lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]

        assert lines == [wheel.requirement for wheel in read_lock(lock).values()]
