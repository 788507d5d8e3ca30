"""Chooses how each model computes on this machine: by an earlier choice, otherwise by trials that it then stores."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import msgspec
import numpy as np

from models.card import Card
from operators.inference.batch_policy import Clock
from operators.inference.compute_mode import ComputeMode
from operators.inference.cpu_probe import cpu_facts
from operators.inference.graph_cache import (
    code_digest,
    digest_of,
    openvino_version,
    steering_variables,
    transformers_version,
)
from operators.inference.mode_choice import choose_mode
from operators.inference.mode_trials import OpenModel, try_modes
from operators.inference.private_cache import PrivateCache
from operators.inference.reference_inputs import ReferenceInputs

logger = logging.getLogger(__name__)

LIMIT_SECONDS: Final = 30.0
"""About how much CPU time the trials of one model may take; what was tried until then decides. CPU time, because a
machine under load would otherwise try less."""

MAX_SHORT_STARTS: Final = 3
"""In how many starts a model is measured again because the machine lacked memory for one of its modes; then the choice
stands until the code changes, so that a small machine does not measure for ever."""

MAX_OTHERS: Final = 7
"""How many choices of other releases are kept."""

TIMEOUT_SECONDS: Final = 120.0
"""How long a process waits for another one that measures a model; then it measures as well."""


class StoredChoice(msgspec.Struct, frozen=True):
    """A choice on disk."""

    mode: ComputeMode
    facts: str
    """Digest of the model, the code and the libraries that were tried; with others, the trials are repeated."""
    trials: tuple[str, ...] = ()
    """Results, for people."""
    num_short: int = 0
    """How many starts in a row lacked memory for a mode; 0 if every mode got its trial."""
    others: tuple[StoredChoice, ...] = ()
    """Choices of other releases or weights, the newest first: releases that share a machine, as during a rolling
    upgrade, must not make each other measure at every start."""

    @property
    def is_final(self) -> bool:
        """Whether the next start keeps to it."""
        return self.num_short == 0 or self.num_short >= MAX_SHORT_STARTS


_DECODER: Final = msgspec.json.Decoder(StoredChoice)


@dataclass(frozen=True, slots=True)
class ModeQuestion:
    """The model whose mode is asked for, and what may be chosen."""

    card: Card
    modes: tuple[ComputeMode, ...]
    """At least one."""
    num_threads: int
    open_model: OpenModel

    @property
    def entry_name(self) -> str:
        """Name of the choice in the cache: by machine, threads and modes, which a change of the release keeps."""
        machine = (platform.machine(), *cpu_facts(), *steering_variables(os.environ))
        facts = (self.card.name, str(self.num_threads), *map(str, self.modes), *machine)
        return f"mode-{self.card.name}-{digest_of(facts)[:32]}"

    @property
    def facts(self) -> str:
        """Digest of what a release or an update changes: the card with its weights, the code, the libraries."""
        libraries = (version("torch"), openvino_version(), transformers_version())
        return digest_of((repr(self.card), code_digest(), *libraries))


class ModeChooser:
    """The modes of the models of one process.

    One start decides for all later ones: a mode is part of every fingerprint. So only what can be stored is measured,
    by one process at a time, and a process keeps its modes until it ends.

    Args:
        kept: stores the choices.
        inputs: real inputs of models.
        clock: CPU seconds of the calling thread, for the limit of trials.
        may_measure: whether trials may run; otherwise only what is stored is chosen.
    """

    def __init__(
        self,
        kept: PrivateCache,
        inputs: ReferenceInputs,
        clock: Clock = time.thread_time,
        *,
        may_measure: bool = True,
    ) -> None:
        self._kept = kept
        self._inputs = inputs
        self._clock = clock
        self._may_measure = may_measure
        self._answers: dict[str, ComputeMode | None] = {}

    def choose(self, question: ModeQuestion) -> ComputeMode | None:
        """Return the mode of a model, always the same one; None without a choice: trials are impossible here.

        A stored choice takes no time. If only the release or a library has changed since, the trials are repeated, and
        the stored mode stays unless another one is clearly faster.
        """
        name = question.entry_name
        if name not in self._answers:
            self._answers[name] = self._valid_mode(question) or self._measured_mode(question)
        return self._answers[name]

    def stored(self, question: ModeQuestion) -> StoredChoice | None:
        """Return the stored choice that is valid now; None without one."""
        newest = self._recall(question.entry_name)
        choices = () if newest is None else (newest, *newest.others)
        valid = (each for each in choices if each.facts == question.facts and each.mode in question.modes)
        return next(valid, None)

    def forget(self, question: ModeQuestion) -> None:
        """Remove a stored choice, so that the model is measured again."""
        self._kept.forget(question.entry_name)

    def _valid_mode(self, question: ModeQuestion) -> ComputeMode | None:
        stored = self.stored(question)
        is_kept = stored is not None and (stored.is_final or not self._may_measure)
        return stored.mode if stored is not None and is_kept else None

    def _measured_mode(self, question: ModeQuestion) -> ComputeMode | None:
        if not self._may_measure:
            logger.info("model %s is not measured at a start: VIDSIGNAL_MEASURE_AT_START is false", question.card.name)
            return None
        inputs = self._inputs.of(question.card)
        if not inputs:
            logger.info("model %s is not measured: no inputs for it in %s", question.card.name, self._inputs.path)
            return None
        if trouble := self._kept.trouble():
            logger.info("model %s is not measured: the result cannot be stored: %s", question.card.name, trouble)
            return None
        with self._kept.exclusive(TIMEOUT_SECONDS):
            return self._valid_mode(question) or self._try(question, inputs)  # another process may have stored one

    def _try(self, question: ModeQuestion, inputs: Sequence[np.ndarray]) -> ComputeMode | None:
        name, began_seconds = question.card.name, self._clock()
        logger.info(
            "measuring model %s once on this machine, for at most about %g CPU seconds: %s",
            name,
            LIMIT_SECONDS,
            ", ".join(map(str, question.modes)),
        )
        trials = try_modes(question.card, inputs, question.modes, question.open_model, self._clock, LIMIT_SECONDS)
        spent_seconds = self._clock() - began_seconds
        results = tuple(map(str, trials))
        if all(trial.item_seconds is None for trial in trials):
            logger.info("model %s has no mode within the tolerance: %s", name, "; ".join(results))
            return None
        earlier = self._recall(question.entry_name)
        mode = choose_mode(trials, earlier.mode if earlier is not None else None)
        num_short = self._num_short(question) + 1 if any(trial.is_passing for trial in trials) else 0
        choice = StoredChoice(mode, question.facts, results, num_short, _others(earlier, question.facts))
        self._kept.write(question.entry_name, msgspec.json.encode(choice))
        logger.info(
            "model %s runs in %s, measured in %.1f CPU seconds: %s", name, mode, spent_seconds, "; ".join(results)
        )
        return mode

    def _num_short(self, question: ModeQuestion) -> int:
        stored = self.stored(question)
        return 0 if stored is None else stored.num_short

    def _recall(self, name: str) -> StoredChoice | None:
        return self._kept.decoded(name, _DECODER.decode)


def _others(earlier: StoredChoice | None, facts: str) -> tuple[StoredChoice, ...]:
    """Return what stays stored next to a new choice."""
    if earlier is None:
        return ()
    choices = (msgspec.structs.replace(earlier, others=()), *earlier.others)
    return tuple(choice for choice in choices if choice.facts != facts)[:MAX_OTHERS]
