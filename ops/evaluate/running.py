"""Runs a set: a temporary folder, its judgements, its result."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from models.card import Card
from models.card_registry import CARDS
from ops.evaluate.evaluation_set import EvaluationRun, EvaluationSet, JudgedSubject, Reference, Size
from ops.evaluate.judgements import PRODUCT, AnyJudgement, MethodSpent
from ops.evaluate.result import FORMAT, SetResult
from ops.evaluate.summary import Wanted, costs, summarised, thresholds_of_policy
from streams.decision.policy import Policy


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a set."""

    size: Size
    seed: int
    data_dir: Path
    has_references: bool = False
    wanted: Wanted = field(default_factory=Wanted)
    cards: Mapping[str, Card] = field(default_factory=lambda: CARDS)
    """That run here, by name; results name the fingerprints of those that a set uses."""


def run_set(
    found: EvaluationSet, options: Options, policy: Policy, on_item: Callable[[], None] = lambda: None
) -> SetResult:
    """Judge and summarise; the folder with built media is removed afterwards.

    Args:
        found: the set.
        options: how.
        policy: whose thresholds are reported for labels.
        on_item: called after each item.

    Raises:
        NotMeasurable: something that the set needs is missing.
        InvalidJudgements: the set breaks its own declaration.
    """
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="vidsignal-evaluate-") as folder:
        run = EvaluationRun(
            folder=Path(folder),
            seed=options.seed,
            size=options.size,
            data_dir=options.data_dir,
            references=frozenset(usable_references(found) if options.has_references else ()),
            policy=policy,
            on_item=on_item,
            leave_out=lambda item, reason: left_out.update({item: reason}),
        )
        said = list(found.judge(run))
    return _result(found, options, policy, said, left_out)


def usable_references(found: EvaluationSet) -> tuple[str, ...]:
    """Return the names of a set's reference methods that can run here."""
    return tuple(reference.name for reference in found.references if _is_usable(reference))


def _is_usable(reference: Reference) -> bool:
    has_module = not reference.module or find_spec(reference.module) is not None
    return has_module and (not reference.program or shutil.which(reference.program) is not None)


def _result(
    found: EvaluationSet,
    options: Options,
    policy: Policy,
    said: Sequence[AnyJudgement | MethodSpent],
    left_out: dict[str, str],
) -> SetResult:
    from streams.analysis.agents.agent_registry import AGENTS  # torch

    judgements = [each for each in said if not isinstance(each, MethodSpent)]
    subjects = [with_policy(subject, policy) for subject in found.subjects]
    return SetResult(
        format=FORMAT,
        set=found.name,
        version=found.version,
        size=options.size,
        seed=options.seed,
        description=found.description,
        num_items=len({each.item for each in judgements}),
        left_out=left_out,
        sources={source.name: source.licence for source in found.sources},
        models={name: options.cards[name].fingerprint for name in found.models if name in options.cards},
        code_versions={modality: AGENTS[modality].code_version for modality in found.modalities},
        subjects=summarised(subjects, judgements, options.wanted),
        costs=costs(each for each in said if isinstance(each, MethodSpent)),
    )


def with_policy(subject: JudgedSubject, policy: Policy) -> JudgedSubject:
    """Return the subject of a label with the thresholds of the policy's rule for it; others unchanged."""
    rule = policy.rule_for(subject.label) if subject.label else None
    if rule is None:
        return subject
    own = subject.thresholds.get(PRODUCT, ())
    return replace(subject, thresholds={**subject.thresholds, PRODUCT: (*own, *thresholds_of_policy(rule.thresholds))})
