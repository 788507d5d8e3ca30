"""The tables of `docs/sizing.md`: `python -m ops.sizing.document` writes them after a figure has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ops.sizing.plan import plan_for
from ops.sizing.profile import Profile, load_profile
from ops.sizing.report import assumptions, rows
from ops.sizing.trial import try_plan, try_policies

DOCUMENT: Final = Path(__file__).parent.parent.parent / "docs" / "sizing.md"
EXAMPLES: Final[Mapping[str, tuple[float, Mapping[str, float]]]] = {
    "1/s": (1.0, {}),
    "100/s": (100.0, {}),
    "11,574/s": (11_574.0, {}),
    "11,574/s, kept a week, Redis Cluster": (
        11_574.0,
        {"redis_kept_days": 7.0, "redis_claims_days": 7.0, "log_signals_days": 7.0, "redis_shards_per_cell": 32.0},
    ),
}
"""Columns: rate, and changes to the packaged profile."""

PLOTTED: Final[tuple[float, Mapping[str, float]]] = (20.0, {"redis_cell_bytes": 1e13})


def tables(profile: Profile) -> dict[str, str]:
    """Return by marker: worked examples, simulated policies, and every figure."""
    found = {"examples": _examples(profile), "policies": _policies(profile), "figures": _figures(profile)}
    return {word: "\n".join(lines) for word, lines in found.items()}


def with_tables(text: str, found: Mapping[str, str]) -> str:
    """Return the document with its tables replaced. Raises ValueError if a marker is missing."""
    for word, table in found.items():
        mark = re.compile(rf"(<!-- {word} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not mark.search(text):
            raise ValueError(f"no mark <!-- {word} --> in the document")
        text = mark.sub(lambda place, table=table: place[1] + table + "\n" + place[2], text)  # type: ignore[misc]
    return text


def _examples(profile: Profile) -> Iterator[str]:
    yield f"| what | {' | '.join(EXAMPLES)} |"
    yield "|---" * (1 + len(EXAMPLES)) + "|"
    columns = [_amounts(profile.with_options(changes), rate) for rate, changes in EXAMPLES.values()]
    for name in columns[0]:
        yield f"| {name} | {' | '.join(column[name] for column in columns)} |"


def _amounts(profile: Profile, videos_per_second: float) -> dict[str, str]:
    plan = plan_for(profile, videos_per_second)
    found = {name: how_much for name, how_much, _ in rows(plan, profile, try_plan(profile, plan.cells))}
    return {**found, "cells determined by": plan.cells.bound_by}


def _policies(profile: Profile) -> Iterator[str]:
    rate, changes = PLOTTED
    changed = profile.with_options(changes)
    yield "| policy | p50 | p95 | p99 | USD a million videos, media workers | busy |"
    yield "|---|---|---|---|---|---|"
    for trial in try_policies(changed, plan_for(changed, rate).cells, lambda _: None):
        waits = (f"{each:.1f} s" for each in (trial.p50_seconds, trial.p95_seconds, trial.p99_seconds))
        setting = f"fixed, {trial.setting:.0%} full" if trial.policy == "fixed" else f"lag {trial.setting:g} a worker"
        yield f"| {setting} | {' | '.join(waits)} | {trial.usd_per_million:.2f} | {trial.busy_ratio:.0%} |"


def _figures(profile: Profile) -> Iterator[str]:
    yield "| figure | value | meaning | source |"
    yield "|---|---|---|---|"
    for name, value, says, source in assumptions(profile, is_all=True):
        yield f"| `{name}` | {value} | {says} | {source} |"


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8"), tables(load_profile(None))), encoding="utf-8")
    print(DOCUMENT)
