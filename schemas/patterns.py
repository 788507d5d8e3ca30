"""How patterns of the wire end: Python and ECMA-262, which JSON Schema follows, have to read them alike."""

from __future__ import annotations

from typing import Final

END: Final = r"$(?!\n)"
"""The end of the text. Python's `$` alone also matches before a line feed at the end, that of ECMA-262 does not."""
NO_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Inside `[^...]`: no control character and no line end. Python's `.` takes most of these, that of ECMA-262 others."""
