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
from operators.inference.graph_cache import code_digest, digest_of, openvino_version, steering_variables
from operators.inference.mode_choice import choose_mode
from operators.inference.mode_trials import OpenModel, try_modes
from operators.inference.private_cache import PrivateCache
from operators.inference.reference_inputs import ReferenceInputs

logger = logging.getLogger(__name__)

LIMIT_SECONDS: Final = 30.0
"""About how much CPU time a process measures, for all models together; the next start measures the rest. CPU time,
because a machine under load would otherwise leave more to later starts."""


class StoredChoice(msgspec.Struct, frozen=True):
    """A choice on disk."""

    mode: ComputeMode
    facts: str
    """Digest of the model, the code and the libraries that were tried; with others, the trials are repeated."""
    trials: tuple[str, ...] = ()
    """Results, for people."""


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
        return digest_of((repr(self.card), code_digest(), version("torch"), openvino_version()))


class ModeChooser:
    """The modes of the models of one process.

    Args:
        kept: stores the choices.
        inputs: real inputs of models.
        clock: CPU seconds of the calling thread, for the limit of trials.
    """

    def __init__(self, kept: PrivateCache, inputs: ReferenceInputs, clock: Clock = time.thread_time) -> None:
        self._kept = kept
        self._inputs = inputs
        self._clock = clock
        self._left_seconds = LIMIT_SECONDS

    def choose(self, question: ModeQuestion) -> ComputeMode | None:
        """Return the mode of a model; None without a choice: there is no real input to try modes on, or no time left.

        A stored choice takes no time. If only the release or a library has changed since, the trials are repeated, and
        the stored mode stays unless another one is clearly faster.
        """
        stored = self._recall(question.entry_name)
        if stored is not None and stored.facts == question.facts and stored.mode in question.modes:
            return stored.mode
        inputs = self._inputs.of(question.card)
        if not inputs:
            logger.info("model %s is not measured: no inputs for it in %s", question.card.name, self._inputs.path)
            return None
        if self._left_seconds <= 0:
            logger.info("model %s is not measured: no time left in this start, the next one does", question.card.name)
            return None
        return self._try(question, inputs, stored.mode if stored is not None else None)

    def _try(
        self, question: ModeQuestion, inputs: Sequence[np.ndarray], stored: ComputeMode | None
    ) -> ComputeMode | None:
        name, limit_seconds, began_seconds = question.card.name, self._left_seconds, self._clock()
        logger.info(
            "measuring model %s once on this machine, for at most about %g CPU seconds: %s",
            name,
            limit_seconds,
            ", ".join(map(str, question.modes)),
        )
        report = try_modes(question.card, inputs, question.modes, question.open_model, self._clock, limit_seconds)
        spent_seconds = self._clock() - began_seconds
        self._left_seconds -= spent_seconds
        results = tuple(map(str, report.trials))
        if not report.is_complete:
            logger.info("model %s is not completely measured, the next start does: %s", name, "; ".join(results))
            return None
        mode = choose_mode(report.trials, stored)
        choice = StoredChoice(mode, question.facts, results)
        self._kept.write(question.entry_name, msgspec.json.encode(choice))
        logger.info(
            "model %s runs in %s, measured in %.1f CPU seconds: %s", name, mode, spent_seconds, "; ".join(results)
        )
        return mode

    def _recall(self, name: str) -> StoredChoice | None:
        content = self._kept.read(name)
        if content is None:
            return None
        try:
            return msgspec.json.decode(content, type=StoredChoice)
        except msgspec.MsgspecError:
            self._kept.forget(name)
            return None
