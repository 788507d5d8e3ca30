"""The weights: in the cache, and identical to those of the cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.card import Card
from models.card_errors import CardInvalid
from models.card_files import card_problem
from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, wrong
from schemas.counted import counted
from streams.config.running_models import running_cards


def examine(context: CheckContext, cards: Iterable[Card] | None = None) -> Iterator[Finding]:
    """Yield one finding for each model with a fault, or one for all."""
    try:
        cards = tuple(running_cards(context.settings).values()) if cards is None else tuple(cards)
    except CardInvalid as error:
        yield wrong("cards", str(error), means="a worker stops at its start", do="correct the card, or the setting")
        return
    problems = {card.name: problem for card in cards if (problem := card_problem(card, context.settings.cache_dir))}
    for name, problem in problems.items():
        yield wrong(name, problem, means="a worker stops at its start", do="vidsignal models fetch --no-samples")
    if not problems:
        yield ok("hashes", f"the weights of {counted(len(cards), 'model')} have the hashes in their cards")
