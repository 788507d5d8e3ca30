"""Default rules about incomplete coverage, for policy files that have none: nobody has to know of an evasion to close
it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.outcomes import Action
from streams.decision.policy import ShareRule, UnseenKind

_FLOORS: Mapping[Action, float] = {"review": 0.9}
_FLOORS_TOGETHER: Mapping[Action, float] = {"review": 0.92}
"""A little higher than the single floors: each ratio allows for a packet or two that decoders hold back."""

DEFAULT_SHARES: Final[tuple[ShareRule, ...]] = (
    ShareRule(
        "visual.achieved_ratio", _FLOORS, "Only {percent} of the planned pictures could be decoded and looked at."
    ),
    ShareRule("visual.length_ratio", _FLOORS, "Only {percent} of the announced length could be decoded ({modality})."),
    ShareRule("visual.intact_ratio", _FLOORS, "Only {percent} of the picture packets decode without damage."),
    ShareRule(
        "visual.seen_ratio",
        _FLOORS_TOGETHER,
        "Only {percent} of the announced pictures came out whole: what is cut off and what is damaged adds up.",
    ),
    ShareRule("audio.achieved_ratio", _FLOORS, "Only {percent} of the planned sound could be decoded and listened to."),
    ShareRule("audio.length_ratio", _FLOORS, "Only {percent} of the announced length could be decoded ({modality})."),
    ShareRule("audio.intact_ratio", _FLOORS, "Only {percent} of the sound packets decode without damage."),
    ShareRule(
        "audio.seen_ratio",
        _FLOORS_TOGETHER,
        "Only {percent} of the announced sound came out whole: what is cut off and what is damaged adds up.",
    ),
    ShareRule("context.achieved_ratio", _FLOORS, "Only {percent} of the text could be judged: it is too long."),
    ShareRule(
        "context.planned_ratio",
        {"allow": 0.5},
        "The models of abuse know the language of {percent} of the text; the rest was not judged.",
    ),
    ShareRule(
        "visual.text_read_ratio",
        {"allow": 0.5},
        "Of the lines of text in the pictures, {percent} could be read; the others are in scripts that no model knows.",
    ),
)

DEFAULT_WHEN_UNSEEN: Final[Mapping[UnseenKind, Action]] = {
    "video": "review",
    "audio": "review",
    "text": "allow",
    "picture": "allow",
    "attachment": "review",
    "hidden": "review",
    "trailing": "review",
}
"""Text tracks are usually subtitles, which repeat the sound; most music has a cover. Both are still named. A sound
track counts whatever its name is: anybody can call it a commentary."""

DEFAULT_MIN_UNSEEN_BYTES: Final[Mapping[UnseenKind, int]] = {"hidden": 65_536, "trailing": 1_024}
"""What muxers and cameras leave behind is shorter; a clip of a second is longer."""
