"""Ends of regular expressions that have the same meaning in Python and ECMA-262, which JSON Schema uses."""

from __future__ import annotations

from typing import Final

END: Final = r"$(?!\n)"
"""The end of the text. Python's `$` alone also matches before a final line feed, that of ECMA-262 does not."""
NO_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""For use inside `[^...]`: no control character and no line end. Python's `.` matches most of these, that of ECMA-262
others."""
