"""A profile: the figures of one machine and one platform, read from JSON or TOML, each with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ops.sizing.quantity import FIGURES, InvalidProfile, Quantity, check

DEFAULT_PROFILE = "two-cores"
"""Packaged; measured on two cores of a shared machine."""
_SUFFIXES = (".json", ".toml")


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The figures for sizing. Created by `load_profile` or `complete`, which check them."""

    name: str
    machine: dict[str, Any] = {}
    """As benchmarks describe it."""
    figures: dict[str, Quantity]
    video_cpu_seconds: tuple[float, ...]
    """CPU time of single videos, ascending: the distribution for the simulation."""

    def __getitem__(self, name: str) -> float:
        """Return the value of a figure. Raises KeyError if there is no such name."""
        return self.figures[name].value

    def with_options(self, values: Mapping[str, float]) -> Profile:
        """Apply values of the command line. Raises InvalidProfile."""
        changed = {name: _optional(name, value) for name, value in values.items()}
        return complete(replace(self, figures={**self.figures, **changed}))


def load_profile(path: Path | None) -> Profile:
    """Read a profile; without a path the packaged one.

    Raises:
        InvalidProfile: it cannot be read, or a figure is missing, unknown, of another unit, or out of bounds.
    """
    if path is None:
        packaged = resources.files("ops.sizing").joinpath(f"profiles/{DEFAULT_PROFILE}.json")
        return _read(packaged.read_bytes(), ".json", DEFAULT_PROFILE)
    if path.suffix not in _SUFFIXES:
        raise InvalidProfile(f"profile {str(path)!r} must end in {' or '.join(_SUFFIXES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidProfile(f"profile {str(path)!r} cannot be read: {error.strerror}") from error
    return _read(content, path.suffix, str(path))


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile as JSON, figures on lines of their own. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(profile), indent=2) + b"\n")


def complete(profile: Profile) -> Profile:
    """Add assumptions for missing figures, in the order of FIGURES; check everything.

    Raises:
        InvalidProfile: as `load_profile`.
    """
    unknown = sorted(set(profile.figures) - set(FIGURES))
    if unknown:
        raise InvalidProfile(f"unknown figures: {', '.join(unknown)}; `vidsignal size --figures` lists all")
    missing = [name for name, each in FIGURES.items() if each.assumed is None and name not in profile.figures]
    if missing:
        raise InvalidProfile(f"profile {profile.name!r} lacks {', '.join(missing)}, which have to be measured")
    assumed = {name: each.assumed for name, each in FIGURES.items() if each.assumed}
    figures = {name: profile.figures.get(name) or assumed[name] for name in FIGURES}
    for name, quantity in figures.items():
        _check(name, quantity)
    return replace(profile, figures=figures, video_cpu_seconds=_checked_times(profile.video_cpu_seconds))


def _read(content: bytes, suffix: str, name: str) -> Profile:
    decode = msgspec.json.decode if suffix == ".json" else msgspec.toml.decode
    try:
        return complete(decode(content, type=Profile))
    except msgspec.DecodeError as error:
        raise InvalidProfile(f"profile {name!r}: {error}") from error


def _check(name: str, quantity: Quantity) -> None:
    declared = FIGURES[name]
    if quantity.unit != declared.unit:
        raise InvalidProfile(f"{name} is in {quantity.unit!r}; allowed: {declared.unit!r}")
    if not quantity.source.strip():
        raise InvalidProfile(f"{name} does not say where it is from: its `source` is empty")
    check(name, quantity.value, declared)


def _checked_times(times: tuple[float, ...]) -> tuple[float, ...]:
    if not times or not all(0 < each < 1e6 for each in times):
        raise InvalidProfile(f"video_cpu_seconds is {list(times[:5])}...; allowed: one or more, each above 0")
    return tuple(sorted(times))


def _optional(name: str, value: float) -> Quantity:
    if name not in FIGURES:
        raise InvalidProfile(f"no figure {name!r}; `vidsignal size --figures` lists all")
    return Quantity(value=value, unit=FIGURES[name].unit, origin="option", source="command line")
