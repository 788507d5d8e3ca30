"""The part of a page that is generated: what stands between two marks."""

from __future__ import annotations

import re
from typing import Final

BEGIN: Final = "<!-- generated from ops/evaluate/results by python -m ops.evaluate.documents -->"
END: Final = "<!-- end of the generated part -->"
_PART: Final = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)


def with_part(page: str, part: str) -> str:
    """Return the page with its generated part replaced.

    Raises:
        ValueError: the marks are missing, or there are several parts.
    """
    text, number = _PART.subn(lambda _: f"\n{part}\n", page)
    if number != 1:
        raise ValueError(f"the page has {number} generated parts; allowed: one, between {BEGIN} and {END}")
    return text
