"""The local file store answers an S3 client as a store does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from ops.local.file_store import FileStore

CONTENT = bytes(range(256)) * 4_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3Store]:
    """A client of a bucket with one object."""
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "clip.mp4").write_bytes(CONTENT)
    with FileStore(tmp_path, "uploads") as server:
        config = {name.removeprefix("AWS_").lower(): value for name, value in server.environment().items()}
        options = {"allow_http": config.pop("allow_http")}
        del config["endpoint_url"]
        yield S3Store("uploads", client_options=options, **config)


class TestFileStore:
    def test_size_and_tag(self, store: S3Store) -> None:
        """HEAD tells both."""
        found = obstore.head(store, "day/clip.mp4")
        assert found["size"] == len(CONTENT)
        assert found["e_tag"]

    def test_ranges(self, store: S3Store) -> None:
        """Some bytes out of the middle, and the last ones."""
        assert bytes(obstore.get_range(store, "day/clip.mp4", start=300, end=900)) == CONTENT[300:900]
        assert bytes(obstore.get_range(store, "day/clip.mp4", start=len(CONTENT) - 7, length=7)) == CONTENT[-7:]

    def test_changed_object(self, store: S3Store) -> None:
        """Who wants another object than is there gets none."""
        with pytest.raises(obstore.exceptions.PreconditionError):
            obstore.get(store, "day/clip.mp4", options={"if_match": '"other"'})

    def test_missing_object(self, store: S3Store) -> None:
        """Where no file is, no object is."""
        with pytest.raises(FileNotFoundError):
            obstore.head(store, "day/other.mp4")
