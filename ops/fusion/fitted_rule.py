"""A fitted rule as YAML, to be put into a policy file."""

from __future__ import annotations

from typing import Any

import yaml

from operators.fusion.fusion_rule import FusionRule
from ops.fusion.fitting import FittedHead


def as_yaml(rule: FusionRule, version: int, fitted: FittedHead) -> str:
    """Return an entry of the policy's list `fusion`: the rule with its head, as a shadow."""
    head: dict[str, Any] = {
        "bias": fitted.head.bias,
        "weights": dict(fitted.head.weights),
        "until_unix_seconds": fitted.head.until_unix_seconds,
        "reviews": fitted.words,
    }
    entry: dict[str, Any] = {
        "label": rule.label,
        "version": version,
        "all_of": [dict(group) for group in rule.all_of],
        "least_score": rule.least_score,
        "within_seconds": rule.within_seconds,
        "head": head,
        "shadow": True,
    }
    kept = {key: value for key, value in entry.items() if value is not None}
    return str(yaml.safe_dump([kept], sort_keys=False, width=1_000, allow_unicode=True))
