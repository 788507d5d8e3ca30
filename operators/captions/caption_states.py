"""What can come of asking for a caption."""

from __future__ import annotations

from typing import Literal

CaptionState = Literal[
    "whole",  # kept as it was written
    "cut",  # kept up to its limit, or to where it begins to repeat itself
    "declined",  # the model refuses
    "malformed",  # the answer has another form, or is empty
    "truncated",  # it ends in the middle, at the limit of tokens
    "repetition",  # it repeats itself without an end
    "quotation",  # it quotes at length what is said or shown
    "contact",  # it contains an address, a link or a number to call
    "abusive",  # the models of text find abuse in it
    "late",  # no answer in time
    "unavailable",  # no server
    "overloaded",  # the server has no room now
    "failed",  # the server refuses the request, or fails with it
]
CAPTION_STATES: tuple[CaptionState, ...] = (
    "whole", "cut", "declined", "malformed", "truncated", "repetition", "quotation", "contact", "abusive",
    "late", "unavailable", "overloaded", "failed",
)  # fmt: skip
