"""Reads the facts with costs, and the verdicts with markets."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ops.costs.pieces import NOT_SAID, Owner, Piece, distinct_signals, owners_of, pieces_of
from schemas.codec import decode_fact
from schemas.errors import InvalidEvent
from schemas.facts import Accepted, Fact, Signal
from schemas.topics import MODERATION, SIGNALS
from streams.config.settings import Settings
from streams.decision.cost import Prices
from streams.kafka.clients import read_to_end
from streams.kafka.readers_topics import decode_verdict


def read_pieces(settings: Settings, since_unix_seconds: float) -> list[Piece]:
    """Read the log to its end, and price it by the settings' table.

    A video whose acceptance has left the log gets its market from its verdict.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    facts = list(_facts(settings))
    owners = {**_owners_by_verdict(settings), **owners_of(facts)}
    signals = distinct_signals(facts, since_unix_seconds)
    return list(pieces_of(signals, owners, Prices.from_settings(settings)))


def _facts(settings: Settings) -> Iterator[Fact]:
    for record in read_to_end(settings, [settings.topic_prefix + SIGNALS.name]):
        try:
            fact = decode_fact(record.value or b"")
        except InvalidEvent:
            continue  # the verdict role counts and skips it, too
        if isinstance(fact, Signal):
            yield replace(fact, labels=(), features={}, embeddings={})  # a long log has to fit into memory
        elif isinstance(fact, Accepted):
            yield fact


def _owners_by_verdict(settings: Settings) -> dict[str, Owner]:
    owners = {}
    for record in read_to_end(settings, [settings.topic_prefix + MODERATION.name]):
        if record.value is None:
            continue
        try:
            verdict = decode_verdict(record.value)
        except InvalidEvent:
            continue
        owners[verdict.video_id] = Owner(market=verdict.market or NOT_SAID)
    return owners
