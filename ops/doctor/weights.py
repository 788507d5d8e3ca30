"""The weights: in the cache, and the very bytes that the cards name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.card import Card
from models.card_registry import CARDS
from models.weights import WeightsCorrupt, WeightsMissing, weight_path
from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, wrong


def examine(context: CheckContext, cards: Iterable[Card] = tuple(CARDS.values())) -> Iterator[Finding]:
    """One finding for each model with something wrong, or one for all."""
    cards = tuple(cards)
    problems = {card.name: problem for card in cards if (problem := _problem(card, context))}
    for name, problem in problems.items():
        yield wrong(name, problem, means="a worker stops at its start", do="vidsignal models fetch --no-samples")
    if not problems:
        yield ok("hashes", f"the weights of {len(cards)} models are those that their cards name")


def _problem(card: Card, context: CheckContext) -> str | None:
    try:
        for file in card.files:
            weight_path(file, context.settings.cache_dir)
    except (WeightsMissing, WeightsCorrupt) as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error}"
    return None
