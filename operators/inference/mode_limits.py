"""The modes that an operator permits: for all models, or for a single one. Plain Python."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from models.card import Card
from operators.inference.compute_mode import MODES, ComputeMode, ModeUnavailable

_MODES_BY_WORD: Final[Mapping[str, tuple[ComputeMode, ...]]] = {
    **{engine: tuple(mode for mode in MODES if mode.engine == engine) for engine in ("torch", "openvino")},
    **{str(mode): (mode,) for mode in MODES},
}
ALLOWED: Final = f"{', '.join(_MODES_BY_WORD)}, each also as MODEL=..., such as yamnet=torch-float32"
"""The words of the setting, for messages."""


@dataclass(frozen=True, slots=True)
class ModeLimits:
    """What may be chosen. A model with words of its own has only these; without any words everything is permitted."""

    general: frozenset[ComputeMode] = frozenset()
    by_model: Mapping[str, frozenset[ComputeMode]] = field(default_factory=dict)

    @classmethod
    def from_words(cls, words: Iterable[str]) -> ModeLimits:
        """Read engines and modes such as `torch`, `openvino-bfloat16` and `yamnet=torch-float32`.

        Raises:
            ValueError: a word is none of these.
        """
        found: dict[str, set[ComputeMode]] = {}
        for word in words:
            model, _, mode = word.rpartition("=")
            if mode not in _MODES_BY_WORD or word.startswith("="):
                raise ValueError(f"{word!r} is no engine or mode; allowed are {ALLOWED}")
            found.setdefault(model, set()).update(_MODES_BY_WORD[mode])
        general = found.pop("", set())
        return cls(frozenset(general), {model: frozenset(modes) for model, modes in found.items()})

    def require_known(self, models: Collection[str]) -> None:
        """Check the names of models.

        Raises:
            ModeUnavailable: a name is none of `models`.
        """
        if unknown := sorted(set(self.by_model) - set(models)):
            raise ModeUnavailable(f"VIDSIGNAL_ENGINES names the model {unknown[0]!r}; there are {', '.join(models)}")

    def permitted(self, card: Card, offered: Sequence[ComputeMode]) -> tuple[ComputeMode, ...]:
        """Return those of the modes that a machine offers for a model, in their order; at least one.

        A precision that the card excludes counts as float32, as in `permitted_precisions`; every engine counts as torch
        for an added model, which has no other.

        Raises:
            ModeUnavailable: the machine offers none of the permitted modes.
        """
        wanted = self.by_model.get(card.name, self.general)
        if not wanted:
            return tuple(offered)
        able = {_able(mode, card) for mode in wanted}
        found = tuple(mode for mode in offered if mode in able)
        if not found:
            raise ModeUnavailable(
                f"model {card.name} may run in {_spelled(able)} by VIDSIGNAL_ENGINES; "
                f"this machine offers {_spelled(offered)}"
            )
        return found


def _able(mode: ComputeMode, card: Card) -> ComputeMode:
    engine = "torch" if card.is_added else mode.engine
    return ComputeMode(engine, mode.precision if mode.precision in card.precisions else "float32")


def _spelled(modes: Iterable[ComputeMode]) -> str:
    return ", ".join(sorted(map(str, modes)))
