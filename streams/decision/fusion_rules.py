"""The part `fusion` of a policy file: labels that are made from evidence of several modalities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from operators.fusion.fusion_rule import FusionHead, FusionRule
from schemas.labels import LABELS
from streams.decision.policy_checks import (
    choice_at,
    count_at,
    list_at,
    mapping_at,
    object_at,
    ratio_at,
    refuse,
    text_at,
)

_KEYS = ("label", "version", "all_of", "least_score", "within_seconds", "head", "shadow")
_HEAD_KEYS = ("bias", "weights", "until_unix_seconds", "reviews", "shadowed")
MIN_SHADOWED = 50
"""Fewest reviewed videos that a learned head has scored in the shadow before it may decide."""


def fusion_rules(place: str, found: object) -> tuple[FusionRule, ...]:
    """Validate the list. Raises InvalidPolicy."""
    rules = tuple(_rule(f"{place}[{index}]", item) for index, item in enumerate(list_at(place, found)))
    fused = {rule.label for rule in rules}
    seen: set[tuple[str, int]] = set()
    decisive: set[str] = set()
    for index, rule in enumerate(rules):
        if (rule.label, rule.version) in seen:
            refuse(f"{place}[{index}].version", rule.version, "another one than the label has in an earlier rule")
        if not rule.is_shadow and rule.label in decisive:
            refuse(f"{place}[{index}].label", rule.label, "one rule a label that is no shadow")
        if again := next((label for label in rule.sources if label in fused), None):
            refuse(f"a key of {place}[{index}].all_of", again, "labels that no rule fuses")
        seen.add((rule.label, rule.version))
        decisive |= set() if rule.is_shadow else {rule.label}
    return rules


def _rule(place: str, found: object) -> FusionRule:
    item = object_at(place, found, _KEYS, required=("label", "version", "all_of"))
    groups = [
        _group(f"{place}.all_of[{at}]", group) for at, group in enumerate(list_at(f"{place}.all_of", item["all_of"]))
    ]
    if len(groups) < 2:
        refuse(f"{place}.all_of", item["all_of"], "two groups of sources or more")
    is_shadow = choice_at(f"{place}.shadow", item.get("shadow", "false"), ("true", "false")) == "true"
    sources = {label for group in groups for label in group}
    return FusionRule(
        label=choice_at(f"{place}.label", item["label"], LABELS),
        version=count_at(f"{place}.version", item["version"]),
        all_of=tuple(groups),
        least_score=_above_zero(f"{place}.least_score", item.get("least_score", 0.2)),
        within_seconds=_seconds(f"{place}.within_seconds", item.get("within_seconds")),
        head=_head(f"{place}.head", item["head"], sources, is_shadow=is_shadow) if "head" in item else None,
        is_shadow=is_shadow,
    )


def _group(place: str, found: object) -> Mapping[str, float]:
    group = {
        choice_at(f"a key of {place}", label, LABELS): _above_zero(f"{place}.{label}", reliability)
        for label, reliability in mapping_at(place, found).items()
    }
    if not group:
        refuse(place, found, "one source or more, each with its reliability")
    return group


def _head(place: str, found: object, sources: Iterable[str], *, is_shadow: bool) -> FusionHead:
    item = object_at(place, found, _HEAD_KEYS, required=("bias", "weights"))
    known = tuple(sources)
    weights = {
        choice_at(f"a key of {place}.weights", label, known): _number(f"{place}.weights.{label}", weight, least=0.0)
        for label, weight in mapping_at(f"{place}.weights", item["weights"]).items()
    }
    shadowed = count_at(f"{place}.shadowed", item["shadowed"]) if "shadowed" in item else 0
    if not is_shadow and shadowed < MIN_SHADOWED:
        refuse(f"{place}.shadowed", shadowed, _SHADOWED)
    if "reviews" in item:
        text_at(f"{place}.reviews", item["reviews"])
    until = _number(f"{place}.until_unix_seconds", item.get("until_unix_seconds", 0), least=0.0)
    return FusionHead(_number(f"{place}.bias", item["bias"]), weights, until)


_SHADOWED = f"at least {MIN_SHADOWED} reviewed videos, by `vidsignal fusion shadow`, or shadow: true next to the head"


def _above_zero(place: str, found: object) -> float:
    ratio = ratio_at(place, found)
    return ratio if ratio > 0.0 else refuse(place, found, "a number above 0, up to 1")


def _seconds(place: str, found: object) -> float | None:
    return None if found is None else _number(place, found, least=0.0)


def _number(place: str, found: object, least: float = -math.inf) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found) or found < least:
        refuse(place, found, "a finite number" + ("" if least == -math.inf else f" from {least:g}"))
    return float(found)
