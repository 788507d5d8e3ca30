"""All evaluation sets. Each import is cheap: sets load what is expensive while they judge."""

from __future__ import annotations

from typing import Final

from ops.evaluate.evaluation_set import EvaluationSet
from ops.evaluate.sets.copies import Copies
from ops.evaluate.sets.counted_objects import CountedObjects
from ops.evaluate.sets.harmless_pictures import HarmlessPictures
from ops.evaluate.sets.languages import Languages
from ops.evaluate.sets.motion import Motion
from ops.evaluate.sets.on_screen_text import OnScreenTexts
from ops.evaluate.sets.shots import Shots
from ops.evaluate.sets.sounds import Sounds
from ops.evaluate.sets.speech import Speech
from ops.evaluate.sets.texts import AbusiveTexts

SETS: Final[dict[str, EvaluationSet]] = {
    found.name: found
    for found in (
        HarmlessPictures(),
        CountedObjects(),
        Copies(),
        AbusiveTexts(),
        Languages(),
        Shots(),
        Motion(),
        OnScreenTexts(),
        Sounds("sounds", "held-out"),
        Sounds("sounds-fitted", "fitted"),
        Speech(),
    )
}
"""By name, in the order of tables. A further set is an instance in this line."""
