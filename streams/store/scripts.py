"""The Lua scripts in this folder; each one uses the keys of one video only, or one shared key.

A script with a line `Uses <name>.lua` in its head starts with that file's functions.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

_USES: Final = re.compile(r"^-- Uses (\w+)\.lua\.$", re.MULTILINE)


@cache
def script_text(name: str) -> str:
    """Return the text of `<name>.lua`, after the files that it uses."""
    text = resources.files("streams.store").joinpath(f"{name}.lua").read_text("utf-8")
    return "".join(map(script_text, _USES.findall(text))) + text
