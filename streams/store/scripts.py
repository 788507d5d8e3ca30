"""The Lua scripts beside this file; each one touches the keys of one video only, or one shared key.

A script that says `Uses <name>.lua` in its head begins with that file's functions.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

_USES: Final = re.compile(r"^-- Uses (\w+)\.lua\.$", re.MULTILINE)


@cache
def script_text(name: str) -> str:
    """Text of `<name>.lua`, behind what it uses."""
    text = resources.files("streams.store").joinpath(f"{name}.lua").read_text("utf-8")
    return "".join(map(script_text, _USES.findall(text))) + text
