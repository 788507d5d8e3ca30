"""The file that `--metadata` names: fields of all uploads, or by the name of each one's file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ops.cli.console import err, fail
from ops.cli.exit_codes import ExitCode
from ops.source_argument import file_name
from schemas.counted import counted
from schemas.near_names import did_you_mean, near_field, near_word, shown
from schemas.uploads import VideoUploaded

_FIELDS: Final = VideoUploaded.__struct_fields__
_MOST_WARNINGS: Final = 12


@dataclass(frozen=True, slots=True)
class MetadataFile:
    """What a metadata file says."""

    file: Path | None = None
    content: dict[str, Any] = field(default_factory=dict)

    def fields_of(self, path: str) -> dict[str, Any]:
        """Return the fields for one path; exits with the usage code if they are no object."""
        name = file_name(path)
        fields = self.content.get(name, {} if self._is_per_file() else self.content)
        if not isinstance(fields, dict):
            allowed = "expected an object with fields of the upload"
            fail(f"--metadata {self.file}: {name!r} is {type(fields).__name__}; {allowed}", ExitCode.USAGE)
        return dict(fields)

    def warn_unknown(self, paths: Sequence[str]) -> None:
        """Print a warning for each key that nothing reads, with the likely intention, and for files that lack one."""
        lines = list(self._unknown(paths))
        for line in lines[:_MOST_WARNINGS]:
            err.print(f"warning: --metadata {self.file}: {line}", markup=False)
        if len(lines) > _MOST_WARNINGS:
            rest = len(lines) - _MOST_WARNINGS
            err.print(f"warning: --metadata {self.file}: and {counted(rest, 'more such key')}", markup=False)

    def _is_per_file(self) -> bool:
        return bool(self.content) and all(isinstance(value, dict) for value in self.content.values())

    def _unknown(self, paths: Sequence[str]) -> Iterator[str]:
        names = [file_name(path) for path in paths]
        unknown = [key for key in self.content if key not in {*names, *_FIELDS}]
        yield from self._other_files(unknown, names) if self._is_per_file() else self._no_fields(unknown, names)
        for name in dict.fromkeys(each for each in names if each in self.content):
            for key in self._unknown_fields(name):
                place = f"{name}.{key}"
                yield f"{shown(place)} is no field and was ignored{did_you_mean(near_field(key, _FIELDS))}"

    def _other_files(self, unknown: Sequence[str], names: Sequence[str]) -> Iterator[str]:
        """Entries of files that are not published are usual in a catalogue, unless a published file has none."""
        without = list(dict.fromkeys(name for name in names if name not in self.content))
        searched = without[:_MOST_WARNINGS]  # a catalogue may have thousands of entries
        near = {name: key for name in searched if (key := near_word(name, unknown)) is not None}
        for name, key in near.items():
            yield f"{shown(key)} names no published file and was ignored{did_you_mean(name)}"
        if without and not near:
            yield f"has no entry for {shown(without[0])}" + (f" and {len(without) - 1} more" if without[1:] else "")

    @staticmethod
    def _no_fields(unknown: Sequence[str], names: Sequence[str]) -> Iterator[str]:
        for key in unknown:
            near = near_field(key, _FIELDS) or near_word(key, names)
            yield f"{shown(key)} is neither a field nor a published file and was ignored{did_you_mean(near)}"

    def _unknown_fields(self, name: str) -> Collection[str]:
        fields = self.content[name]
        return [key for key in fields if key not in _FIELDS] if isinstance(fields, dict) else ()


def read_metadata(file: Path | None) -> MetadataFile:
    """Read a metadata file, once; exits with the usage code if it cannot be read."""
    if file is None:
        return MetadataFile()
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        fail(f"--metadata {file}: {error}", ExitCode.USAGE)
    if not isinstance(content, dict):
        fail(f"--metadata {file}: expected a JSON object, got {type(content).__name__}", ExitCode.USAGE)
    return MetadataFile(file, content)
