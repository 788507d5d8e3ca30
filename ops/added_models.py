"""Models that somebody adds: checked as a worker does at its start, and copied to where the settings look for cards."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from models.added_cards import installed_cards
from models.card import Card
from models.card_errors import CardInvalid
from streams.config.running_models import card_settings
from streams.config.settings import Settings

_STAGING = ".adding"
"""Two folders deep, where no worker looks for cards."""


class CannotAdd(Exception):
    """A folder cannot be copied; the message says why."""


@dataclass(frozen=True, slots=True)
class Staging:
    """A model's copy, not yet where workers look."""

    folder: Path
    root: Path

    def accept(self, name: str) -> Path:
        """Move the copy to its place, at once. Raises CannotAdd where something is there."""
        place = self.root / name
        if place.exists():
            raise CannotAdd(f"{str(place)!r} is there; delete it first to replace the model")
        return self.folder.rename(place)


@contextmanager
def staged_model(folder: Path, root: Path) -> Iterator[Staging]:
    """Copy a folder, and what links in it lead to, next to its place; what is not accepted is removed.

    Raises:
        CannotAdd: the folder cannot be read, or the place not be written.
        CardInvalid: raised in the block; the message names the folder, not its copy.
    """
    try:
        (root / _STAGING).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root / _STAGING) as parent:
            copy = Path(shutil.copytree(folder, Path(parent) / "model"))
            yield Staging(copy, root)
    except CardInvalid as error:
        raise CardInvalid(_at_the_origin(str(error), root / _STAGING, folder)) from error
    except (OSError, shutil.Error) as error:
        raise CannotAdd(f"{str(folder)!r} cannot be copied to {str(root)!r}: {error}") from error


def _at_the_origin(message: str, staging: Path, folder: Path) -> str:
    """Return a message with the user's folder in place of its copy."""
    return re.sub(f"{re.escape(str(staging.resolve()))}/[^/]+/model", lambda _: str(folder), message)


def cards_at(path: Path, settings: Settings) -> list[Card]:
    """Read the cards of a folder, or the one of a file, in addition to all that run.

    Raises:
        CardInvalid: a card is wrong or contradicts another one, or there is none.
    """
    known, path = card_settings(settings), path.resolve()
    folder = path if path.is_dir() else path.parent
    if not any(root in (folder, folder.parent) for root in known.folders):
        known = replace(known, folders=(*known.folders, folder))
    found = [card for card in installed_cards(known).values() if _is_at(card, path)]
    if not found:
        raise CardInvalid(f"{str(path)!r} holds no card; allowed: a file that ends in .toml, or a folder with one")
    return found


def _is_at(card: Card, path: Path) -> bool:
    return card.is_added and card.model is not None and card.model.card_path.is_relative_to(path)


def tried_lines(card: Card, settings: Settings) -> Iterator[str]:
    """Load an added model and say where it runs and what it answers.

    Raises:
        CardInvalid: it is not what its card says, or may not run on this machine.
    """
    from models.formats.trial import try_module  # torch, which most commands do not need
    from models.loaders import load_module
    from operators.inference.placement import HOST, check_devices
    from streams.analysis.backend_config import device_of

    device = device_of(settings)
    check_devices([card], device)
    yield f"runs on {device if device in card.devices else HOST}, permitted {', '.join(card.devices)}"
    for tried in try_module(card, load_module(card, settings.cache_dir)):
        shape = "x".join(map(str, tried.shape)) or "one number"
        yield f"output {tried.name}: {shape}, of a plain input {tried.least:.3f} to {tried.most:.3f}"
    for source in card.labels:
        yield f"label {source.label} by {source.output_label!r}"
