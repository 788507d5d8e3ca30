"""One target's mutants, each in a fork of a process that has imported, collected and run the tests already.

So a mutant costs the tests that run its line, and no start of an interpreter. `python -m tests.mutants.warm_session
TARGET SEED MOST` prints one line of JSON a mutant.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import sys
import threading
import time
import types
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from tests.mutants.edits import Mutant, mutants_of
from tests.mutants.targets import REPOSITORY, TARGETS, Target

Ending = Literal["killed", "survived", "uncovered", "invalid"]

CPU_SECONDS = 5
"""A mutant that computes longer than this, and longer than its tests took while they were traced, hangs; so it is
noticed."""
WALL_SECONDS = 90
"""The same for one that waits, and twice what its tests computed: more than a loaded machine needs."""
MEMORY_BYTES = 2 << 30
"""A mutant may take this much more than the process that it was forked from."""

_SURVIVED, _KILLED, _INVALID = 0, 1, 3

Functions = dict[tuple[str, str], list[types.FunctionType]]
"""Loaded functions by source and qualified name."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one mutant."""

    path: str
    line: int
    name: str
    ending: Ending
    cpu_seconds: float


class WarmSession:
    """A pytest plugin that, in place of running the tests once, runs them against every mutant."""

    def __init__(self, target: Target, seed: int, most: int) -> None:
        self._target = target
        self._seed = seed
        self._most = most
        self._lines: dict[str, set[tuple[str, int]]] = {}
        """Lines of the sources that each test runs, by its id."""
        self._seconds: dict[str, float] = {}
        """CPU time of each test."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests as they are, then against each mutant."""
        for item in session.items:
            self._run_traced(item)
        functions = _loaded_functions(self._target)
        gc.collect()
        gc.freeze()
        for mutant in self._mutants():
            sys.stdout.write(json.dumps(asdict(self._result(mutant, session.items, functions))) + "\n")
            sys.stdout.flush()
        return True

    def _run_traced(self, item: pytest.Item) -> None:
        tracer = _Tracer({str(REPOSITORY / source) for source in self._target.sources})
        before = time.process_time()
        with tracer:
            reports = _run(item)
        self._lines[item.nodeid] = tracer.lines
        self._seconds[item.nodeid] = time.process_time() - before
        for report in reports:
            if report.failed:
                pytest.exit(f"{item.nodeid} fails without a mutant:\n{report.longreprtext}", returncode=2)

    def _mutants(self) -> Sequence[Mutant]:
        found = [mutant for source in self._target.sources for mutant in read_mutants(source)]
        if self._most and len(found) > self._most:
            chosen = set(random.Random(self._seed).sample(range(len(found)), self._most))
            found = [mutant for number, mutant in enumerate(found) if number in chosen]
        return found

    def _result(self, mutant: Mutant, items: Sequence[pytest.Item], functions: Functions) -> Result:
        chosen = sorted(self._noticing(mutant, items), key=lambda item: self._seconds[item.nodeid])
        if not chosen:
            return Result(mutant.path, mutant.first_line, mutant.name, "uncovered", 0.0)
        expected = sum(self._seconds[item.nodeid] for item in chosen)
        child = os.fork()
        if not child:
            _be_mutant(mutant, functions, chosen, expected)
        _, status, used = os.wait4(child, 0)
        ending = _ENDINGS.get(os.waitstatus_to_exitcode(status), "killed")
        return Result(mutant.path, mutant.first_line, mutant.name, ending, round(used.ru_utime + used.ru_stime, 2))

    def _noticing(self, mutant: Mutant, items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
        lines = {(str(REPOSITORY / mutant.path), line) for line in range(mutant.first_line, mutant.last_line + 1)}
        for item in items:
            if mutant.path.endswith(".lua") or lines & self._lines[item.nodeid]:
                yield item


_ENDINGS: dict[int, Ending] = {_SURVIVED: "survived", _INVALID: "invalid"}


def read_mutants(source: str) -> list[Mutant]:
    """All mutants of a source of this repository."""
    return mutants_of(source, (REPOSITORY / source).read_text("utf-8"))


def _run(item: pytest.Item) -> list[pytest.TestReport]:
    """Run a test; of what it asked for, only that of the whole session stays."""
    return runtestprotocol(item, log=False, nextitem=item.session)  # type: ignore[arg-type]


class _Tracer:
    """Notes which lines of some files run, in every thread that starts meanwhile."""

    def __init__(self, paths: set[str]) -> None:
        self._paths = paths
        self.lines: set[tuple[str, int]] = set()

    def __enter__(self) -> None:
        threading.settrace(self._enter_frame)
        sys.settrace(self._enter_frame)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def _enter_frame(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        return self._note_line if frame.f_code.co_filename in self._paths else None

    def _note_line(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._note_line


def _be_mutant(mutant: Mutant, functions: Functions, chosen: Sequence[pytest.Item], expected_seconds: float) -> None:
    """Run tests against a mutant until one fails; never returns."""
    try:
        _limit(expected_seconds)
        apply(mutant, functions)
    except BaseException:
        os._exit(_INVALID)
    try:
        for item in chosen:
            if any(report.failed for report in _run(item)):
                os._exit(_KILLED)
        os._exit(_SURVIVED)
    except BaseException:
        os._exit(_KILLED)


def _limit(expected_seconds: float) -> None:
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    cpu_seconds = CPU_SECONDS + int(expected_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    data_bytes = MEMORY_BYTES + _data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, data_bytes))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(WALL_SECONDS + 2 * int(expected_seconds))


def _data_bytes() -> int:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmData:")[2].split()[0]) * 1024


def apply(mutant: Mutant, functions: Functions) -> None:
    """Put a mutant's code in the place of the original's, in this process.

    Raises:
        ValueError: the function is not loaded, or its code cannot be exchanged.
    """
    if mutant.path.endswith(".lua"):
        _apply_script(mutant)
        return
    loaded = functions[mutant.path, mutant.place]
    codes = _codes(compile(mutant.render(), str(REPOSITORY / mutant.path), "exec"))[mutant.place]
    first_lines = sorted({function.__code__.co_firstlineno for function in loaded})
    code_by_line = dict(zip(first_lines, codes, strict=True))  # a property and its setter have one name
    for function in loaded:
        function.__code__ = code_by_line[function.__code__.co_firstlineno]


def _loaded_functions(target: Target) -> Functions:
    """Every function of a target's sources, however it is wrapped or copied into another class."""
    paths = {str(REPOSITORY / source): source for source in target.sources}
    found: Functions = defaultdict(list)
    for function in gc.get_objects():
        if isinstance(function, types.FunctionType) and function.__code__.co_filename in paths:
            found[paths[function.__code__.co_filename], function.__code__.co_qualname].append(function)
    return found


def _codes(module: types.CodeType) -> dict[str, list[types.CodeType]]:
    """Code of all functions by qualified name, in the order of their lines."""
    found: dict[str, list[types.CodeType]] = defaultdict(list)
    waiting = [module]
    while waiting:
        code = waiting.pop()
        found[code.co_qualname].append(code)
        waiting += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    return {name: sorted(codes, key=lambda code: code.co_firstlineno) for name, codes in found.items()}


def _apply_script(mutant: Mutant) -> None:
    """Scripts are read by name when a client registers them; from here on the mutant is read."""
    from streams.store import scripts

    original = scripts.script_text
    original.cache_clear()
    text = mutant.render()
    used = "".join(original(name) for name in scripts._USES.findall(text))

    def script_text(name: str) -> str:
        return used + text if name == Path(mutant.path).stem else original(name)

    for module in list(sys.modules.values()):
        if vars(module).get("script_text") is original:  # `getattr` would make lazy modules of libraries import
            module.script_text = script_text  # type: ignore[attr-defined]


def main() -> int:
    """Run one target."""
    name, seed, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    target = TARGETS[name]
    # A failed property is not shrunk: that it fails is all that is asked. The profile of the tests inherits it.
    settings.register_profile("no shrinking", phases=[Phase.explicit, Phase.generate])
    settings.load_profile("no shrinking")
    plain = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:randomly", "-n", "0"]
    return int(pytest.main([*plain, *target.tests], plugins=[WarmSession(target, seed, most)]))


if __name__ == "__main__":
    sys.exit(main())
