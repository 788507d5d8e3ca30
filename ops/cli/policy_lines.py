"""A policy as text: one line per area, which fits a screen, or every rule completely."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from operators.fusion.fusion_rule import FusionRule
from schemas.identity import Modality
from schemas.outcomes import ACTIONS, Action
from streams.decision.judge_rule import JudgeRule
from streams.decision.policy import Policy, Rule, Thresholds


def summary_lines(policy: Policy) -> list[str]:
    """Return areas of the taxonomy with the number of rules and the lowest and highest threshold of each action."""
    by_area = groupby(sorted(policy.rules.values(), key=_area), _area)
    rows = [(area, *_row(list(rules))) for area, rules in by_area]
    head = ("area", "rules", "with markets", *_asked(ACTIONS))
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return [*(line.rstrip() for line in lines), *_rest_lines(policy)]


def full_lines(policy: Policy) -> list[str]:
    """Return every rule in the order of the file, with markets and words, then the actions without evidence."""
    return [line for rule in policy.rules.values() for line in _rule_lines(rule)] + _rest_lines(policy)


def _rule_lines(rule: Rule) -> Iterator[str]:
    yield rule.path
    yield f"  {_spelled(rule.thresholds)}"
    yield from (f"  {market}: {_spelled(found)}" for market, found in rule.markets.items())
    if rule.second_vote:
        yield f"  second vote from {rule.second_vote:g}"
    if rule.unmeasured != "allow":
        yield f"  unmeasured labels: {rule.unmeasured} at most"
    yield f"  words: {rule.words}"


def _rest_lines(policy: Policy) -> list[str]:
    reports = f", over {policy.reports.window}, of at least {policy.reports.min_reports:g} reports"
    return [
        f"pending      {policy.pending}",
        *(f"when {word:7} {_by_action(found)}" for word, found in _without_evidence(policy)),
        f"reports      {_spelled(policy.reports.thresholds)}{reports if policy.reports.thresholds else ''}",
        f"shown        evidence from {policy.reporting_floor:g}",
        *(f"fused        {_fused(rule)}" for rule in policy.fusion),
        *([f"judge        {_judge(policy.judge)}"] if policy.judge else []),
    ]


def _judge(rule: JudgeRule) -> str:
    """Return text such as `version 1, a yes causes review: area/group/label 0.4-0.6; 1% of the videos at random`."""
    bands = ", ".join(f"{label} {low:g}-{high:g}" for label, (low, high) in rule.bands.items())
    share = f"; {100 * rule.random_ratio:g}% of the videos at random" if rule.random_ratio else ""
    return f"version {rule.version}, a yes causes {rule.effect}: {bands}{share}"


def _fused(rule: FusionRule) -> str:
    """Return text such as `area/group/label (version 1): a and (b or c), within 5 s`."""
    groups = " and ".join(" or ".join(group) if len(group) == 1 else f"({' or '.join(group)})" for group in rule.all_of)
    time = "" if rule.within_seconds is None else f", within {rule.within_seconds:g} s"
    how = (", learned" if rule.head else "") + (", a shadow" if rule.is_shadow else "")
    return f"{rule.label} (version {rule.version}): {groups}{time}{how}"


def _without_evidence(policy: Policy) -> Iterable[tuple[str, Mapping[Modality, Action]]]:
    return ("missing", policy.when_missing), ("failed", policy.when_failed), ("absent", policy.when_absent)


def _by_action(found: Mapping[Modality, Action]) -> str:
    """Return text such as `review: frames, audio; allow: motion`."""
    actions = dict.fromkeys(found.values())
    return "; ".join(f"{action}: {', '.join(name for name in found if found[name] == action)}" for action in actions)


def _area(rule: Rule) -> str:
    return rule.path.split("/")[0]


def _row(rules: list[Rule]) -> list[str]:
    of_markets = sum(bool(rule.markets) for rule in rules)
    every = [thresholds for rule in rules for thresholds in (rule.thresholds, *rule.markets.values())]
    return [str(len(rules)), str(of_markets or ""), *(_range(every, action) for action in _asked(ACTIONS))]


def _asked(actions: Iterable[Action]) -> list[Action]:
    return [action for action in actions if action != "allow"]


def _range(every: list[Thresholds], action: Action) -> str:
    found = {thresholds[action] for thresholds in every if action in thresholds}
    if not found:
        return ""
    low, high = f"{min(found):g}", f"{max(found):g}"
    return low if low == high else f"{low}-{high}"


def _spelled(thresholds: Thresholds) -> str:
    return ", ".join(f"{action} from {threshold:g}" for action, threshold in thresholds.items()) or "none"
