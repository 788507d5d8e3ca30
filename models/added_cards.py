"""The models that run: the product's own, and those whose cards are in the configured folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.added_files import verified_file, verify_folder
from models.card import Card, Format
from models.card_crops import check_crops
from models.card_errors import CardInvalid, refuse
from models.card_file import read_card
from models.card_registry import CARD_SUFFIX, CARDS, in_order
from models.model_input import TextInput
from schemas.near_names import did_you_mean, listed, near_word

MAX_CARDS: Final = 200

ACCEPTED_LICENCES: Final = (
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0", "ISC", "MIT",
    "Unlicense",
)  # fmt: skip
"""Licences of weights, by SPDX, that require at most a notice; others must be accepted by a setting."""
_RUNS_CODE: Final[frozenset[Format]] = frozenset({"torchscript", "export", "onnx"})
"""Formats that contain a program and not only numbers."""


@dataclass(frozen=True, slots=True)
class CardSettings:
    """An operator's settings for models."""

    folders: tuple[Path, ...] = ()
    """Folders of cards: directly in them, or one folder below."""
    trusted_folders: tuple[Path, ...] = ()
    """Cards below these folders may name programs."""
    licences: tuple[str, ...] = ()
    """Accepted in addition to `ACCEPTED_LICENCES`."""
    off: tuple[str, ...] = ()
    """Names of disabled models."""


def installed_cards(settings: CardSettings, own: Mapping[str, Card] = CARDS) -> dict[str, Card]:
    """Read all cards, in the order in which models are loaded; no model is loaded or hashed.

    Args:
        settings: which cards count.
        own: cards of the product.

    Raises:
        CardInvalid: a card is wrong, two contradict each other, or a setting names something that does not exist.
    """
    added = [_checked(read_card(path, is_added=True), path, settings) for path in _card_paths(settings.folders)]
    _check_names(settings.off, [*own, *(card.name for card in added)])
    for name in settings.off:
        if name in own and own[name].use:
            free = sorted(card.name for card in own.values() if not card.use)
            raise CardInvalid(f"VIDSIGNAL_MODELS_OFF names {name!r}, which an operator needs; allowed: {listed(free)}")
    running = [card for card in in_order([*own.values(), *added]) if card.name not in settings.off]
    _check_together(running)
    check_crops(running)
    return {card.name: card for card in running}


def verify_files(card: Card) -> None:
    """Check every file that an added card names. Raises CardInvalid."""
    if card.model is not None:
        verify_folder(card.model)
        if isinstance(card.prepared, TextInput):
            verified_file(card.model, card.prepared.tokenizer)
        if card.text is not None:
            verified_file(card.model, card.text.vocabulary)


def _card_paths(folders: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise CardInvalid(f"VIDSIGNAL_MODEL_CARDS names {str(folder)!r}; allowed: folders that hold cards")
        found += sorted({*folder.glob(f"*{CARD_SUFFIX}"), *folder.glob(f"*/*{CARD_SUFFIX}")})
    if len(found) > MAX_CARDS:
        raise CardInvalid(f"VIDSIGNAL_MODEL_CARDS names folders with {len(found)} cards; allowed: at most {MAX_CARDS}")
    return found


def _checked(card: Card, path: Path, settings: CardSettings) -> Card:
    accepted = (*ACCEPTED_LICENCES, *settings.licences)
    if card.licence not in accepted:
        allowed = f"{listed(accepted)}; accept another one with VIDSIGNAL_MODEL_LICENCES"
        raise refuse(path, "licence", card.licence, allowed, near_word(card.licence, accepted))
    if card.model is not None and card.model.format in _RUNS_CODE and not _is_trusted(path, settings.trusted_folders):
        trusted = listed([str(folder) for folder in settings.trusted_folders]) or "none"
        allowed = f"only below a folder of VIDSIGNAL_TRUSTED_MODEL_FOLDERS ({trusted}), as such a file is a program"
        raise refuse(path, "model.format", card.model.format, allowed)
    return card


def _is_trusted(path: Path, trusted: Iterable[Path]) -> bool:
    folder = Path(os.path.realpath(path.parent))
    return any(folder.is_relative_to(os.path.realpath(root)) for root in trusted)


def _check_names(off: Iterable[str], names: list[str]) -> None:
    for name in off:
        if name not in names:
            meant = did_you_mean(near_word(name, names))
            raise CardInvalid(f"VIDSIGNAL_MODELS_OFF names {name!r}; allowed: {listed(sorted(names))}{meant}")


def _check_together(cards: Iterable[Card]) -> None:
    """Refuse two models with the same name, space or feature, which would have two meanings."""
    taken: dict[tuple[str, str], Card] = {}
    for card in cards:
        for field, value in _claims(card):
            other = taken.setdefault((field, value), card)
            if other is not card:
                remedy = (
                    f"a value of its own; {_place(other)} has this one: turn one of them off with VIDSIGNAL_MODELS_OFF"
                )
                raise refuse(Path(_place(card)), field, value, remedy)


def _claims(card: Card) -> Iterator[tuple[str, str]]:
    """Yield fields of a card that must be unique, with their values."""
    yield "name", card.name
    if card.use:
        yield "use", card.use
    if card.embedding_space:
        yield "outputs.space", card.embedding_space
    if card.scores is not None and card.scores.tags_from is not None:
        yield "outputs.tags_from", "given"


def _place(card: Card) -> str:
    return str(card.model.card_path) if card.model is not None else card.name
