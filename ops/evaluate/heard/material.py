"""Which files are what, and to which half they belong: thresholds are fitted on one, and measured on the other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

from ops.evaluate.archives.fetching import files_of

Half = Literal["fitted", "held-out"]
NAMES_FILE: Final = Path(__file__).with_name("sounds.toml")
PROMPTS: Final[Mapping[str, Half]] = {"prompts-en": "fitted", "prompts-ru": "held-out", "prompts-it": "held-out"}
"""Packages with a human voice each, a woman's and, in Italian, a man's."""

_SALT: Final = 3217
"""Chosen by the numbers of files alone, so that each group has about as many in either half."""
_NO_PROMPTS: Final = ("silence", "tt-")
"""Begins of names: of recordings without anything, and of animals."""
_MIN_PROMPT_BYTES: Final = 30_000
"""Nearly two seconds at 8 kHz; shorter ones are single words."""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """One file."""

    name: str
    """Package and path."""
    path: Path
    group: str
    """Of the names file."""


def half_of(name: str) -> Half:
    """Return the half of a file; those whose names differ in what follows the first digit are one content."""
    folder, _, stem = name.rpartition("/")
    content = re.sub(r"[-_]?\d.*$", "", stem.rpartition(".")[0] or stem)
    package = folder.partition("/")[0]
    return "held-out" if crc32(f"{_SALT} {package}/{content}".encode()) % 2 else "fitted"


def named_files(data_dir: Path, half: Half) -> dict[str, list[SoundFile]]:
    """Return the files of one half by group, in order of names. Raises NotMeasurable."""
    named = tomllib.loads(NAMES_FILE.read_text(encoding="utf-8"))
    packages = sorted({package for patterns in named.values() for package in patterns})
    found: dict[str, list[SoundFile]] = {group: [] for group in named}
    for package in packages:
        for each in _files(package, files_of(package, data_dir), named):
            if half_of(each.name) == half:
                found[each.group].append(each)
    return found


def prompts(data_dir: Path, half: Half) -> dict[str, list[Path]]:
    """Return the recordings of each human voice of one half, in order of names. Raises NotMeasurable."""
    packages = [package for package, own in PROMPTS.items() if own == half]
    return {package: _long(files_of(package, data_dir)) for package in packages}


def _long(folder: Path) -> list[Path]:
    files = (path for path in sorted(folder.rglob("*.wav")) if path.stat().st_size >= _MIN_PROMPT_BYTES)
    return [path for path in files if not any(part.startswith(_NO_PROMPTS) for part in path.parts[-2:])]


def _files(package: str, folder: Path, named: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[SoundFile]:
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        inner = path.relative_to(folder).as_posix()
        for group, patterns in named.items():
            if any(fnmatchcase(inner, pattern) for pattern in patterns.get(package, ())):
                yield SoundFile(f"{package}/{inner}", path, group)
                break
