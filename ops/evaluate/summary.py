"""From judgements to results, subject by subject and method by method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from ops.evaluate.evaluation_set import JudgedSubject
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, Choice, Decided, MethodSpent, Scored, Timed, Worded
from ops.evaluate.metrics.amounts import amount_figures
from ops.evaluate.metrics.choices import choice_figures
from ops.evaluate.metrics.decisions import decision_figures
from ops.evaluate.metrics.ranking import reliability
from ops.evaluate.metrics.scores import arrays_of, curve, score_figures, threshold_for_load, threshold_for_precision
from ops.evaluate.metrics.times import time_figures
from ops.evaluate.metrics.words import word_figures
from ops.evaluate.result import MethodCost, MethodResult, MetricValue, SubjectResult
from streams.decision.policy import Thresholds


class InvalidJudgements(ValueError):
    """A set breaks its own declaration; the message names the set's mistake."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What thresholds are looked for."""

    precision: float | None = None
    """For every subject; None: what each subject declares."""
    review_load: float | None = 0.01
    """Share of the items that a person can look at; None: no threshold for a load is looked for."""


def summarised(
    subjects: Sequence[JudgedSubject], judgements: Iterable[AnyJudgement], wanted: Wanted = Wanted()
) -> tuple[SubjectResult, ...]:
    """Return one result per declared subject, in their order; without judgements it was not measured.

    Raises:
        InvalidJudgements: a judgement is of an undeclared subject, an item is judged twice by one method, kinds of
            judgements are mixed in a subject, or a score is outside of [0, 1].
    """
    by_subject: dict[str, list[AnyJudgement]] = {subject.name: [] for subject in subjects}
    for each in judgements:
        if each.subject not in by_subject:
            raise InvalidJudgements(f"judgement of {each.subject!r}; declared are {', '.join(by_subject)}")
        by_subject[each.subject].append(each)
    return tuple(_subject(subject, by_subject[subject.name], wanted) for subject in subjects)


def _subject(subject: JudgedSubject, found: Sequence[AnyJudgement], wanted: Wanted) -> SubjectResult:
    _check(subject, found)
    methods = sorted({each.method for each in found}, key=lambda name: (name != PRODUCT, name))
    by_method = {method: [each for each in found if each.method == method] for method in methods}
    first = by_method[methods[0]] if methods else []
    truths = [each.truth for each in first if isinstance(each, (Scored, Decided))]
    is_yes_or_no = bool(first) and len(truths) == len(first)
    return SubjectResult(
        subject=subject.name,
        meaning=subject.meaning,
        model=subject.model,
        label=subject.label,
        num_items=len(first),
        num_positives=sum(truths) if is_yes_or_no else None,
        num_negatives=len(truths) - sum(truths) if is_yes_or_no else None,
        methods=tuple(_method(subject, method, each, wanted) for method, each in by_method.items()),
    )


def _check(subject: JudgedSubject, found: Sequence[AnyJudgement]) -> None:
    if len({type(each) for each in found}) > 1:
        raise InvalidJudgements(f"{subject.name} has judgements of several kinds; allowed: one kind a subject")
    seen = Counter((each.method, each.item) for each in found)
    twice = next((each for each, times in seen.items() if times > 1), None)
    if twice is not None:
        raise InvalidJudgements(f"{subject.name}: {twice[0]} judges {twice[1]!r} twice; allowed: once")
    wrong = next((each for each in found if isinstance(each, Scored) and not 0 <= each.score <= 1), None)
    if wrong is not None:
        raise InvalidJudgements(f"{subject.name}: the score of {wrong.item!r} is {wrong.score}; allowed: 0 to 1")


def _method(subject: JudgedSubject, method: str, found: Sequence[AnyJudgement], wanted: Wanted) -> MethodResult:
    if isinstance(found[0], Scored):
        return _of_scores(subject, method, cast("Sequence[Scored]", found), wanted)
    return MethodResult(method=method, num_items=len(found), figures=tuple(_figures(subject, found)))


def _of_scores(subject: JudgedSubject, method: str, found: Sequence[Scored], wanted: Wanted) -> MethodResult:
    truth, scores = arrays_of(found)
    precision = subject.wanted_precision if wanted.precision is None else wanted.precision
    advice = [threshold_for_precision(found, precision)]
    if wanted.review_load is not None:
        advice.append(threshold_for_load(found, wanted.review_load))
    return MethodResult(
        method=method,
        num_items=len(found),
        figures=tuple(score_figures(found, subject.thresholds.get(method, ()))),
        reliability=reliability(truth, scores),
        curve=curve(found),
        advice=tuple(advice),
    )


def _figures(subject: JudgedSubject, found: Sequence[AnyJudgement]) -> list[MetricValue]:
    match found[0]:
        case Decided():
            return decision_figures(cast("Sequence[Decided]", found))
        case Timed():
            return time_figures(cast("Sequence[Timed]", found), subject.tolerance_seconds)
        case Amount():
            return amount_figures(cast("Sequence[Amount]", found), subject.unit)
        case Choice():
            return choice_figures(cast("Sequence[Choice]", found))
        case Worded():
            return word_figures(cast("Sequence[Worded]", found))
        case _:
            raise InvalidJudgements(f"{subject.name} has judgements of no known kind: {type(found[0]).__name__}")


def costs(spent: Iterable[MethodSpent]) -> tuple[MethodCost, ...]:
    """Return the sums by method."""
    sums: dict[str, list[float]] = {}
    for each in spent:
        total = sums.setdefault(each.method, [0.0, 0.0, 0.0])
        total[0] += each.cpu_seconds
        total[1] += each.media_seconds
        total[2] += each.num_items
    return tuple(_cost(method, sums[method]) for method in sorted(sums))


def _cost(method: str, sums: Sequence[float]) -> MethodCost:
    return MethodCost(
        method=method, cpu_seconds=round(sums[0], 2), media_seconds=round(sums[1], 2), num_items=round(sums[2])
    )


def thresholds_of_policy(thresholds: Thresholds) -> tuple[float, ...]:
    """Return the distinct thresholds of a rule, ascending."""
    return tuple(sorted(set(thresholds.values())))
