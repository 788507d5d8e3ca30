"""The Lua scripts beside this file; each one touches the keys of one video only, or one shared key."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def script_text(name: str) -> str:
    """Text of `<name>.lua`."""
    return resources.files("streams.store").joinpath(f"{name}.lua").read_text("utf-8")
