"""Mutation testing: `python -m tests.mutants [TARGET...]` prints how many small faults the tests of each module notice.

Every mutant of `targets.py` runs against the tests of its module. `equivalent.yaml` names survivors that do the same as
the original, with the reason. The run ends with 1 where a target's killed share is below the floor.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.mutants.equivalents import EQUIVALENTS
from tests.mutants.targets import REPOSITORY, TARGETS
from tests.mutants.warm_session import Result

FLOOR_RATIO = 0.9
"""Lowest killed share of a target's mutants that are not equivalent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All results of one target."""

    name: str
    results: tuple[Result, ...]

    @property
    def killed(self) -> int:
        """How many mutants a test noticed."""
        return sum(result.ending == "killed" for result in self.results)

    @property
    def equivalent(self) -> int:
        """How many were not noticed, and need not be."""
        return sum(result.ending != "killed" and is_equivalent(result) for result in self.results)

    @property
    def survivors(self) -> list[Result]:
        """Those that some test ought to notice."""
        return [result for result in self.results if result.ending != "killed" and not is_equivalent(result)]

    @property
    def killed_ratio(self) -> float:
        """Of those that are not equivalent; 1 where there are none."""
        judged = self.killed + len(self.survivors)
        return self.killed / judged if judged else 1.0


def is_equivalent(result: Result) -> bool:
    """Whether the list says that a mutant does the same as the original."""
    return result.name in EQUIVALENTS.get(result.path, {})


def main() -> int:
    """Run the targets that are asked for, two at a time."""
    asked = _asked()
    with ThreadPoolExecutor(asked.processes) as pool:
        outcomes = list(pool.map(lambda name: _run(name, asked.seed, asked.most), asked.targets))
    for outcome in outcomes:
        for result in outcome.survivors:
            sys.stdout.write(f"{result.path}:{result.line}: {result.ending}: {result.name}\n")
    sys.stdout.write(f"{table(outcomes)}\n")
    return 0 if all(outcome.killed_ratio >= FLOOR_RATIO for outcome in outcomes) else 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--most", type=int, default=0, help="mutants a target, chosen by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="targets at a time, each with a Redis of its own")
    asked = parser.parse_args()
    unknown = [name for name in asked.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no target {unknown[0]!r}; there are {', '.join(TARGETS)}")
    return asked


def _run(name: str, seed: int, most: int) -> Outcome:
    program = [sys.executable, "-m", "tests.mutants.warm_session", name, str(seed), str(most)]
    ended = subprocess.run(program, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    results = tuple(Result(**json.loads(line)) for line in ended.stdout.splitlines() if line.startswith("{"))
    if ended.returncode or not results:
        raise SystemExit(f"{name}: its tests do not pass as they are:\n{ended.stdout[-4000:]}")
    return Outcome(name, results)


def table(outcomes: list[Outcome]) -> str:
    """One row a target."""
    rows = [f"{'target':16} {'mutants':>7} {'killed':>7} {'equivalent':>10} {'survived':>8} {'share':>6}"]
    for outcome in outcomes:
        rows.append(
            f"{outcome.name:16} {len(outcome.results):7} {outcome.killed:7} {outcome.equivalent:10}"
            f" {len(outcome.survivors):8} {outcome.killed_ratio:6.2f}"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
