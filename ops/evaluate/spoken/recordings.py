"""Recordings whose text is published: `ops/evaluate/data/read_speech.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from ops.evaluate.archives.fetching import files_of
from ops.evaluate.evaluation_set import NotMeasurable

DATA_FILE: Final = Path(__file__).parents[1] / "data" / "read_speech.toml"
_SAMPLE: Final = "sample"


class Recording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One recording and what is said in it."""

    source: str
    """Archive and file name; the archive `sample` holds the sample clips."""
    kind: str
    """Who speaks what."""
    text: str
    text_from: str
    """Where the text is published."""
    is_telephone: bool = False
    """Recorded at 8 kHz."""

    def path(self, data_dir: Path, samples_dir: Path) -> Path:
        """Return the file. Raises NotMeasurable if it is not there."""
        archive, _, name = self.source.partition("/")
        folder = samples_dir if archive == _SAMPLE else files_of(archive, data_dir)
        found = sorted(folder.rglob(name))
        if not found:
            raise NotMeasurable(f"{folder} holds no file {name}; run make setup and make evaluation-data")
        return found[0]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    recordings: tuple[Recording, ...]


def recordings() -> tuple[Recording, ...]:
    """Return all of them, in the order of the file."""
    return msgspec.toml.decode(DATA_FILE.read_bytes(), type=_File).recordings
