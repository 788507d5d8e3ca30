"""From a policy file to a `Policy`: read, validated, hashed. `default_policy.yaml` explains the format."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import cast

from schemas.engagement import ENGAGEMENT_WINDOWS, EngagementWindow
from schemas.features import FEATURES
from schemas.identity import MODALITIES, Market, Modality
from schemas.labels import LABEL_PATHS
from schemas.markets import MARKET_WORDS, near_market
from schemas.outcomes import ACTIONS, Action
from streams.decision.edited_file import load_edited
from streams.decision.fusion_rules import fusion_rules
from streams.decision.judge_rule import judge_rule
from streams.decision.policy import (
    DEFAULT_WORDS,
    SHARE_WORDS,
    SHARE_WORDS_FIELDS,
    UNSEEN_KINDS,
    WORDS_FIELDS,
    Policy,
    ReportRule,
    Rule,
    ShareRule,
    Thresholds,
    UnseenKind,
)
from streams.decision.policy_checks import (
    UnreadablePolicy,
    choice_at,
    count_at,
    list_at,
    mapping_at,
    object_at,
    ratio_at,
    refuse,
    text_at,
)
from streams.decision.policy_yaml import parse_yaml
from streams.decision.seen_rules import DEFAULT_MIN_UNSEEN_BYTES, DEFAULT_SHARES, DEFAULT_WHEN_UNSEEN

_KEYS = (
    "name", "version", "pending", "reporting_floor", "when_missing", "when_failed", "when_absent", "when_unseen",
    "min_unseen_bytes", "shares", "reports", "rules", "fusion", "judge",
)  # fmt: skip
_SHARE_KEYS = ("feature", "below", "words")
_RULE_KEYS = ("label", "thresholds", "markets", "words", "uncleared", "second_vote", "unmeasured")
_REPORT_KEYS = ("thresholds", "window", "min_reports", "prior_views")
SHARE_FEATURES = tuple(name for name, spec in FEATURES.items() if name.endswith("_ratio") and spec.shape == "number")
"""Features that a share rule may concern."""
_MARKET = re.compile(r"^[A-Z]{2}\Z")


def load_policy(path: Path | None) -> Policy:
    """Read a policy file, or the packaged default if the path is None.

    Raises:
        UnreadablePolicy: the file cannot be read.
        InvalidPolicy: quotes file, place, the value found and what is allowed.
    """
    packaged = resources.files("streams.decision").joinpath("default_policy.yaml")
    return load_edited(path, packaged, parse_policy, "policy file", UnreadablePolicy)


def parse_policy(content: bytes) -> Policy:
    """Validate the bytes of a policy file. Raises InvalidPolicy."""
    return _policy(parse_yaml(content), hashlib.sha256(content).hexdigest())


def _policy(document: object, file_hash: str) -> Policy:
    top = object_at("$", document, _KEYS, required=("name", "version", "rules"))
    floor = ratio_at("$.reporting_floor", top.get("reporting_floor", 0.0))
    return Policy(
        name=text_at("$.name", top["name"]),
        version=count_at("$.version", top["version"]),
        file_hash=file_hash,
        pending=_action("$.pending", top.get("pending", "review")),
        reporting_floor=floor,
        when_missing=_by_modality("$.when_missing", top.get("when_missing", {}), "review"),
        when_failed=_by_modality("$.when_failed", top.get("when_failed", {}), "review"),
        when_absent=_by_modality("$.when_absent", top.get("when_absent", {}), "allow"),
        rules=_rules(top["rules"], floor),
        reports=_reports("$.reports", top.get("reports", {})),
        shares=_shares(top["shares"]) if "shares" in top else DEFAULT_SHARES,
        when_unseen={**DEFAULT_WHEN_UNSEEN, **_when_unseen("$.when_unseen", top.get("when_unseen", {}))},
        min_unseen_bytes={
            **DEFAULT_MIN_UNSEEN_BYTES,
            **_min_unseen("$.min_unseen_bytes", top.get("min_unseen_bytes", {})),
        },
        fusion=fusion_rules("$.fusion", top.get("fusion", [])),
        judge=judge_rule("$.judge", top["judge"]) if "judge" in top else None,
    )


def _shares(found: object) -> tuple[ShareRule, ...]:
    rules: dict[str, ShareRule] = {}
    for index, item in enumerate(list_at("$.shares", found)):
        place = f"$.shares[{index}]"
        rule = _share(place, item)
        if rule.feature in rules:
            refuse(f"{place}.feature", rule.feature, "one rule a feature; an earlier rule has this one")
        rules[rule.feature] = rule
    return tuple(rules.values())


def _share(place: str, found: object) -> ShareRule:
    item = object_at(place, found, _SHARE_KEYS, required=("feature", "below"))
    floors = object_at(f"{place}.below", item["below"], ACTIONS)
    return ShareRule(
        feature=choice_at(f"{place}.feature", item["feature"], SHARE_FEATURES),
        floors={action: ratio_at(f"{place}.below.{action}", floors[action]) for action in ACTIONS if action in floors},
        words=_words(f"{place}.words", item.get("words", SHARE_WORDS), SHARE_WORDS_FIELDS),
    )


def _when_unseen(place: str, found: object) -> Mapping[UnseenKind, Action]:
    item = object_at(place, found, UNSEEN_KINDS)
    return {kind: _action(f"{place}.{kind}", item[kind]) for kind in UNSEEN_KINDS if kind in item}


def _min_unseen(place: str, found: object) -> Mapping[UnseenKind, int]:
    item = object_at(place, found, UNSEEN_KINDS)
    return {kind: count_at(f"{place}.{kind}", item[kind]) for kind in UNSEEN_KINDS if kind in item}


def _rules(found: object, floor: float) -> Mapping[str, Rule]:
    rules: dict[str, Rule] = {}
    for index, item in enumerate(list_at("$.rules", found)):
        place = f"$.rules[{index}]"
        rule = _rule(place, item, floor)
        if rule.path in rules:
            refuse(f"{place}.label", rule.path, "one rule a path; an earlier rule has this one")
        rules[rule.path] = rule
    return rules


def _rule(place: str, found: object, floor: float) -> Rule:
    item = object_at(place, found, _RULE_KEYS, required=("label", "thresholds"))
    markets = mapping_at(f"{place}.markets", item.get("markets", {}))
    return Rule(
        path=choice_at(f"{place}.label", item["label"], LABEL_PATHS),
        thresholds=_thresholds(f"{place}.thresholds", item["thresholds"], floor),
        markets={
            _market(f"a key of {place}.markets", market): _thresholds(f"{place}.markets.{market}", thresholds, floor)
            for market, thresholds in markets.items()
        },
        words=_words(f"{place}.words", item.get("words", DEFAULT_WORDS)),
        uncleared=_action(f"{place}.uncleared", item.get("uncleared", "allow")),
        second_vote=ratio_at(f"{place}.second_vote", item.get("second_vote", 0.0)),
        unmeasured=_action(f"{place}.unmeasured", item.get("unmeasured", "allow")),
    )


def _reports(place: str, found: object) -> ReportRule:
    item = object_at(place, found, _REPORT_KEYS)
    default = ReportRule(_thresholds(f"{place}.thresholds", item.get("thresholds", {}), 0.0))
    return replace(
        default,
        window=cast("EngagementWindow", choice_at(f"{place}.window", item.get("window", "1d"), ENGAGEMENT_WINDOWS)),
        min_reports=count_at(f"{place}.min_reports", item.get("min_reports", 5)),
        prior_views=count_at(f"{place}.prior_views", item.get("prior_views", 100)),
    )


def _thresholds(place: str, found: object, floor: float) -> Thresholds:
    item = object_at(place, found, ACTIONS)
    thresholds = {action: ratio_at(f"{place}.{action}", item[action]) for action in ACTIONS if action in item}
    for action, threshold in thresholds.items():
        if threshold < floor:
            refuse(f"{place}.{action}", threshold, f"at least the reporting floor {floor:g}, or evidence is hidden")
    for milder, stronger in pairwise(thresholds):
        if thresholds[milder] > thresholds[stronger]:
            refuse(f"{place}.{stronger}", thresholds[stronger], f"at least {milder}'s threshold {thresholds[milder]:g}")
    return thresholds


def _words(place: str, found: object, allowed: tuple[str, ...] = WORDS_FIELDS) -> str:
    words = text_at(place, found)
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(words)]
    except ValueError as error:
        refuse(place, words, f"balanced braces ({error})")
    for name, spec, conversion in fields:
        if name is not None:
            choice_at(f"a name in braces of {place}", name, allowed)
            if spec or conversion:
                refuse(place, words, f"{{{name}}} without a format")
    return words


def _by_modality(place: str, found: object, default: Action) -> Mapping[Modality, Action]:
    item = object_at(place, found, MODALITIES)
    return {modality: _action(f"{place}.{modality}", item.get(modality, default)) for modality in MODALITIES}


def _action(place: str, found: object) -> Action:
    return cast("Action", choice_at(place, found, ACTIONS))


def _market(place: str, found: object) -> Market:
    if not isinstance(found, str) or not _MARKET.match(found):
        refuse(place, found, MARKET_WORDS, near_market(found))
    return found
