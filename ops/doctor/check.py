"""A check, and running several concurrently under one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Unanswered
from dataclasses import dataclass
from time import monotonic
from typing import Final

import psutil

from ops.doctor.check_context import SERVER_FAILURES, CheckContext, in_thread
from ops.doctor.finding import Finding, not_checked

DEADLINE_SECONDS: Final = 13.0
"""Time limit of the process; a check without an answer by then is skipped."""
SHORTEST_SECONDS: Final = 6.0
"""Minimum time for the checks, on a machine that started the process slowly."""


_OF_MEDIA: Final = frozenset({"media", "backfill"})


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one part. It changes nothing, and waits for no server longer than `check_context.ANSWER_SECONDS`."""

    name: str
    says: str
    examine: Callable[[CheckContext], Iterable[Finding]]
    is_of_media: bool = False
    """Only where a role runs that looks at media."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found."""

    name: str
    findings: tuple[Finding, ...]
    is_unfinished: bool = False
    """It still runs, and is no longer waited for."""


def left_seconds() -> float:
    """Return the remaining time for the checks since the process started."""
    age_seconds = time.time() - psutil.Process().create_time()
    return float(max(SHORTEST_SECONDS, DEADLINE_SECONDS - age_seconds))


def examine_all(examinations: Iterable[Check], context: CheckContext, deadline_seconds: float) -> Iterator[CheckResult]:
    """Run all at once and yield their findings in order; one that fails or hangs does not delay others."""
    give_up = monotonic() + deadline_seconds
    begun = [(check, _begin(check, context)) for check in examinations]
    for check, answer in begun:
        yield _examined(check, answer, give_up - monotonic())


def _begin(check: Check, context: CheckContext) -> Future[tuple[Finding, ...]]:
    if check.is_of_media and not _OF_MEDIA & set(context.settings.roles):
        answer: Future[tuple[Finding, ...]] = Future()
        answer.set_result((not_checked(check.name, "no role that looks at media runs here"),))
        return answer
    return in_thread(lambda: tuple(_told(check, context)))


def _told(check: Check, context: CheckContext) -> Iterator[Finding]:
    """Yield the findings; if a server becomes unavailable, earlier findings are kept."""
    try:
        yield from check.examine(context)
    except SERVER_FAILURES as error:
        yield not_checked(check.name, f"broken off: {error}")


def _examined(check: Check, answer: Future[tuple[Finding, ...]], left_seconds: float) -> CheckResult:
    name = check.name
    try:
        return CheckResult(name, answer.result(max(0.0, left_seconds)))
    except Unanswered:
        late = not_checked(name, "no answer in time", do=f"vidsignal doctor --only {name}")
        return CheckResult(name, (late,), is_unfinished=True)
