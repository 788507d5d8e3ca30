"""The full corpus: every case, a table of the worst differences, exit status 1 where anything is wrong.

python -m tests.corpus [--results FILE] [words that a case's name must hold]

With `--results` each result is appended to a file, and cases that are in it are not run again: a run that was ended
goes on from there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tests.corpus.cases import Case, every_case
from tests.corpus.oracle import Comparison, compared

HEAD = (
    "| container | change | files | pictures | sampled | worst picture | worst s | sound s | generator s, sound s "
    "| coverage | counted |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def main(words: list[str]) -> int:
    """Compare, print, judge."""
    began, kept = time.monotonic(), None
    if words[:1] == ["--results"]:
        kept, words = Path(words[1]), words[2:]
    cases = [case for case in every_case() if all(word in case.name for word in words)]
    known = _known(kept)
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for result in processes.map(_result, [case for case in cases if case.name not in known]):
            known[result.name] = result
            _keep(kept, result)
    results = [known[case.name] for case in cases]
    wrong = [result for result in results if result.faults]
    lines = [*_table(cases, results), *(f"{result.name}: {'; '.join(result.faults[:3])}" for result in wrong)]
    lines.append(f"{len(results)} files, {len(wrong)} wrong, {time.monotonic() - began:.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong else 0


def _result(case: Case) -> Comparison:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return compared(case, Path(folder))
        except Exception as error:  # one case must not end the others; it is counted as wrong
            return Comparison(case.name, faults=[f"{type(error).__name__}: {error}"])


def _known(path: Path | None) -> dict[str, Comparison]:
    if path is None or not path.exists():
        return {}
    results = [Comparison(**json.loads(line)) for line in path.read_text().splitlines()]
    return {result.name: result for result in results}


def _keep(path: Path | None, result: Comparison) -> None:
    if path is not None:
        with path.open("a") as lines:
            lines.write(json.dumps(asdict(result)) + "\n")


def _table(cases: list[Case], results: list[Comparison]) -> Iterator[str]:
    groups: defaultdict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for case, result in zip(cases, results, strict=True):
        groups[case.suffix, case.change].append(result)
    yield from HEAD
    for (suffix, change), found in groups.items():
        yield (
            f"| {suffix} | {change} | {len(found)} | {sum(each.num_pictures for each in found)}"
            f" | {sum(each.num_sampled for each in found)} | {max(each.worst_difference for each in found):.2f}"
            f" | {max(each.worst_seconds for each in found):.4f}"
            f" | {max(each.worst_sound_seconds for each in found):.4f}"
            f" | {max(each.truth_seconds for each in found):.3f}, {max(each.truth_sound_seconds for each in found):.3f}"
            f" | {min(each.coverage_ratio for each in found):.3f} | {min(each.counted_ratio for each in found):.3f} |"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
