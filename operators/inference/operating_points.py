"""The measured operating point of a model on this machine: how large its batches may be.

`vidsignal models bench` measures it and stores it in the cache; a worker uses it in place of the estimate from its
warm-up.
A point counts only for the same weights, code and machine. There is no time to wait for more items in it: the batcher
never waits, see `operators.inference.batch_policy`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from models.card import Card
from operators.inference.batch_sizes import ALWAYS_KEPT_SIZE
from operators.inference.graph_cache import code_digest, digest_of, machine_facts
from operators.inference.private_cache import PrivateCache

_DIGEST_CHARACTERS: Final = 16
_THREADS: Final = "_NUM_THREADS="
"""In the variables by which a process limits its native thread pools."""

logger = logging.getLogger(__name__)


class SizeTiming(msgspec.Struct, frozen=True):
    """One batch size."""

    batch_size: int
    batch_seconds: float
    """Least time of a full batch: the latency of its items on an idle device."""
    device_seconds: float
    """Median cost of a batch; core seconds on a CPU, occupied seconds on an accelerator."""

    @property
    def items_per_second(self) -> float:
        """Throughput of full batches."""
        return self.batch_size / self.batch_seconds


class OperatingPoint(msgspec.Struct, frozen=True):
    """A model in one mode, with one number of threads."""

    mode: str
    """How it computes: `Runner.mode`."""
    num_threads: int
    batch_size: int
    """The knee: larger batches wait longer than they gain."""
    timings: tuple[SizeTiming, ...]


class StoredPoints(msgspec.Struct, frozen=True):
    """All points of a model, and what they are valid for."""

    model: str
    weights: str
    """Digest of the card, which contains the hashes of its files."""
    code: str
    machine: str
    measured_unix_seconds: float
    points: tuple[OperatingPoint, ...]


def knee_of(timings: Sequence[SizeTiming]) -> SizeTiming:
    """Return the size with the largest distance between its share of the best throughput and its share of the longest
    latency; the smaller one of equals.

    Where throughput does not grow with the batch, as on one core, that is the smallest size; where latency does not, as
    on a device with many cores, the largest.

    Raises:
        ValueError: nothing was measured.
    """
    if not timings:
        raise ValueError("an operating point needs at least one measured batch size")
    best = max(timing.items_per_second for timing in timings)
    longest = max(timing.batch_seconds for timing in timings)
    return max(
        sorted(timings, key=lambda timing: timing.batch_size),
        key=lambda timing: timing.items_per_second / best - timing.batch_seconds / longest,
    )


class OperatingPoints:
    """The points of the models of one device.

    Args:
        kept: the cache of this user and machine.
        device: identifies the device on this machine.
        num_threads: of the models of this process.
    """

    def __init__(self, kept: PrivateCache, device: str, num_threads: int) -> None:
        self._kept = kept
        self._device = device
        self._num_threads = num_threads

    def keep(self, card: Card, points: Sequence[OperatingPoint], now_unix_seconds: float) -> None:
        """Store the points of a model, in place of earlier ones."""
        weights, code = _digest((repr(card),)), _digest((code_digest(),))
        stored = StoredPoints(card.name, weights, code, self._machine(), now_unix_seconds, tuple(points))
        self._kept.write(_entry_name(card), msgspec.json.encode(stored))

    def sizes_of(self, card: Card, mode: str, sizes: Sequence[int]) -> tuple[int, ...] | None:
        """Return those of some sizes that the measured point permits; None without a valid point. Says which, in the
        log.

        Small sizes stay in any case: the measurement does not see what a batch saves outside of the model.
        """
        stored = self._recall(card)
        if stored is None:
            return None
        reason = self._staleness(card, stored)
        point = _matching(stored.points, mode, self._num_threads)
        if not reason and point is None:
            reason = f"not measured in {mode} with {self._num_threads} threads"
        if reason or point is None:
            logger.info("operating point of model %s is ignored: %s", card.name, reason)
            return None
        permitted = tuple(size for size in sizes if size <= max(point.batch_size, ALWAYS_KEPT_SIZE))
        logger.info(
            "model %s takes its batch sizes from its measured operating point: %s in %s with %d threads, no waiting",
            card.name, permitted or tuple(sizes[:1]), mode, self._num_threads,
        )  # fmt: skip
        return permitted or tuple(sizes[:1])

    def _recall(self, card: Card) -> StoredPoints | None:
        content = self._kept.read(_entry_name(card))
        if content is None:
            return None
        try:
            return msgspec.json.decode(content, type=StoredPoints)
        except msgspec.MsgspecError as error:
            logger.info("operating point of model %s is ignored: %s", card.name, error)
            return None

    def _staleness(self, card: Card, stored: StoredPoints) -> str:
        """Return why stored points are not valid now; empty if they are."""
        found = {
            "the model had other weights or another card": stored.weights == _digest((repr(card),)),
            "the code has changed": stored.code == _digest((code_digest(),)),
            "it was measured on another machine": stored.machine == self._machine(),
        }
        return ", and ".join(reason for reason, is_same in found.items() if not is_same)

    def _machine(self) -> str:
        facts = (fact for fact in machine_facts(os.environ) if _THREADS not in fact)  # each point says its threads
        return _digest((self._device, *facts))


def _matching(points: Iterable[OperatingPoint], mode: str, num_threads: int) -> OperatingPoint | None:
    found = (point for point in points if (point.mode, point.num_threads) == (mode, num_threads))
    return next(found, None)


def _entry_name(card: Card) -> str:
    return f"operating-point-{card.name}"


def _digest(parts: Iterable[str]) -> str:
    return digest_of(parts)[:_DIGEST_CHARACTERS]
