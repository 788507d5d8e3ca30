"""`bench recovery`: a worker is killed, or restarted in order, under steady uploads; measures who waits and for how
long."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Final, TypeVar

from confluent_kafka.admin import AdminClient

from ops.assets.cache import default_cache_dir
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.recovery_worker import FORMER, FORMER_MEMBERSHIP, WORK_SECONDS
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.bench.steady_uploads import SteadyUploads
from ops.local.scratch import scratch_dir
from ops.local.stack import LocalStack
from ops.local.worker_process import WorkerProcess
from schemas.codec import decode_fact
from schemas.facts import Signal
from schemas.topics import SIGNALS
from streams.config.settings import Role, Settings, read_settings
from streams.kafka.clients import client_configuration, read_to_end
from streams.kafka.group_names import group_of
from streams.kafka.membership import MEMBERSHIP, Membership
from streams.kafka.topic_admin import create_topics

NUM_WORKERS: Final = 3
PARTITIONS: Final = 12
INTERVAL_SECONDS: Final = 0.5
"""Interval of uploads into one partition."""
ROUNDS: Final = 5
QUICK_ROUNDS: Final = 1
LATE_SECONDS: Final = WORK_SECONDS + 2.0
NEW, OLD = "same partitions", "as before"
MEMBERSHIPS: Final[dict[str, Membership]] = {NEW: MEMBERSHIP, OLD: FORMER_MEMBERSHIP}
_ROLES: Final[tuple[Role, ...]] = ("intake", "media", "verdict")
_SETTLE_SECONDS: Final = 4.0
_AFTERMATH_SECONDS: Final = 10.0
"""Observed time after the session timeout."""
_ANSWER_SECONDS: Final = 120.0

Found = TypeVar("Found")


@dataclass(slots=True)
class RecoveryOutcome:
    """Results of one competitor, over all rounds."""

    dead_seconds: list[float] = field(default_factory=list)
    """After a SIGKILL, for each partition of the dead worker: time until verdicts continue."""
    other_seconds: list[float] = field(default_factory=list)
    """For each other partition: the longest pause meanwhile, beyond the interval of uploads."""
    late_shares: list[float] = field(default_factory=list)
    """Share of the uploads between a kill and the end of the session."""
    touched_shares: list[float] = field(default_factory=list)
    """Share of the partitions that the dead worker had in any group."""
    restart_seconds: list[float] = field(default_factory=list)
    """In a restart with a successor: the longest pause of each partition, beyond the interval of uploads."""
    redone_shares: list[float] = field(default_factory=list)
    """Share of a round's signals that were published more than once."""


def bench_recovery(options: BenchOptions) -> BenchReport:
    """Measure; about a quarter of an hour, or under four minutes with `is_quick`."""
    rounds = QUICK_ROUNDS if options.is_quick else ROUNDS
    outcomes = {name: RecoveryOutcome() for name in MEMBERSHIPS}
    options.say("starting Apache Kafka and Redis 8 ...")
    with scratch_dir() as folder, LocalStack("real", cache_dir=default_cache_dir()) as stack:
        for number in range(rounds):
            for name in (NEW, OLD) if number % 2 == 0 else (OLD, NEW):
                environment = {**stack.environment(), "VIDSIGNAL_TOPIC_PREFIX": f"r{number}{name[0]}."}
                with _fleet(folder / f"{number}-{name[0]}", environment, name) as fleet:
                    _measure(fleet, outcomes[name], options)
    figures = [figure for name, outcome in outcomes.items() for figure in _figures(name, outcome)]
    return BenchReport("recovery", describe_machine(), tuple(figures), remarks=_remarks(rounds))


class Fleet:
    """Workers of one competitor, on topics of their own.

    Args:
        folder: for logs.
        environment: settings.
        name: of the competitor.
    """

    def __init__(self, folder: Path, environment: dict[str, str], name: str) -> None:
        self.settings = _settings(environment)
        self.membership = MEMBERSHIPS[name]
        self._folder = folder
        self._environment = {
            **environment,
            "VIDSIGNAL_ROLES": ",".join(_ROLES),
            "VIDSIGNAL_LOG_LEVEL": "warning",
            "VIDSIGNAL_AUDIT_INTERVAL_SECONDS": "0",
        }
        self._command = (sys.executable, "-P", "-m", "ops.bench.recovery_worker", *((FORMER,) if name == OLD else ()))
        self._numbers = count()
        self._admin = AdminClient(client_configuration(self.settings))
        self.workers: list[WorkerProcess] = []

    def start(self, num_workers: int) -> None:
        """Start more workers; on return all are ready and have their partitions."""
        begun = [
            WorkerProcess(self._folder, self._environment, name=f"worker-{next(self._numbers)}", command=self._command)
            for _ in range(num_workers)
        ]
        self.workers += begun
        for worker in begun:
            worker.start()
        for worker in begun:
            worker.await_ready()
        self.await_members(len(self.workers))

    def close(self) -> None:
        """End all."""
        for worker in self.workers:
            worker.close()

    def await_members(self, number: int) -> dict[str, set[int]]:
        """Return partitions by member of any group, once every group is stable with that many members."""
        return _await(lambda: self._members(number), f"a stable group of {number} members")

    def _members(self, number: int) -> dict[str, set[int]] | None:
        groups = [group_of(self.settings, role) for role in _ROLES]
        described = self._admin.describe_consumer_groups(groups, request_timeout=30)
        answers = [future.result(30) for future in described.values()]
        if any(answer.state.name != "STABLE" or len(answer.members) != number for answer in answers):
            return None
        return {
            member.member_id: {place.partition for place in member.assignment.topic_partitions}
            for answer in answers
            for member in answer.members
        }


@contextmanager
def _fleet(folder: Path, environment: dict[str, str], name: str) -> Iterator[Fleet]:
    fleet = Fleet(folder, environment, name)
    create_topics(fleet.settings, partitions=PARTITIONS, replication=1)
    with ExitStack() as opened:
        opened.callback(fleet.close)
        fleet.start(NUM_WORKERS)
        yield fleet


def _measure(fleet: Fleet, outcome: RecoveryOutcome, options: BenchOptions) -> None:
    uploads = SteadyUploads(fleet.settings, PARTITIONS, INTERVAL_SECONDS)
    with uploads.flowing():
        time.sleep(_SETTLE_SECONDS)
        _kill(fleet, uploads, outcome)
        fleet.start(1)
        time.sleep(_SETTLE_SECONDS)
        _restart(fleet, uploads, outcome)
        uploads.await_decided(0.0, time.monotonic() - LATE_SECONDS, _ANSWER_SECONDS)
    outcome.redone_shares.append(_redone_share(fleet.settings))
    options.say(_line(fleet, outcome))


def _kill(fleet: Fleet, uploads: SteadyUploads, outcome: RecoveryOutcome) -> None:
    """SIGKILL one worker and watch all partitions until they have recovered."""
    before = fleet.await_members(NUM_WORKERS)
    session_seconds = fleet.membership.session_seconds
    killed = time.monotonic()
    fleet.workers.pop(0).kill()
    after = fleet.await_members(NUM_WORKERS - 1)
    time.sleep(_SETTLE_SECONDS)
    until = max(time.monotonic(), killed + session_seconds + _AFTERMATH_SECONDS)
    time.sleep(max(0.0, until - time.monotonic()))
    uploads.await_decided(killed, until - LATE_SECONDS, _ANSWER_SECONDS)
    dead = set().union(*(partitions for member, partitions in before.items() if member not in after))
    outcome.touched_shares.append(len(dead) / PARTITIONS)
    outcome.dead_seconds += [uploads.flows_again_seconds(partition, killed) for partition in sorted(dead)]
    outcome.other_seconds += _stops(uploads, killed, until, set(range(PARTITIONS)) - dead)
    lowest = killed + session_seconds - fleet.membership.heartbeat_seconds - LATE_SECONDS
    outcome.late_shares.append(uploads.late_share(killed, lowest, LATE_SECONDS))


def _restart(fleet: Fleet, uploads: SteadyUploads, outcome: RecoveryOutcome) -> None:
    """Start a successor, then SIGTERM the oldest worker."""
    began = time.monotonic()
    fleet.start(1)
    fleet.workers.pop(0).close()
    fleet.await_members(NUM_WORKERS)
    time.sleep(_SETTLE_SECONDS)
    outcome.restart_seconds += _stops(uploads, began, time.monotonic(), set(range(PARTITIONS)))


def _stops(uploads: SteadyUploads, since: float, until: float, partitions: set[int]) -> list[float]:
    stops = (uploads.longest_stop_seconds(partition, since, until) for partition in sorted(partitions))
    return [max(0.0, seconds - INTERVAL_SECONDS) for seconds in stops]


def _redone_share(settings: Settings) -> float:
    """Return the share of all signals in the log that are repeated."""
    facts = (
        decode_fact(record.value or b"") for record in read_to_end(settings, [settings.topic_prefix + SIGNALS.name])
    )
    times = Counter(fact.signal_id for fact in facts if isinstance(fact, Signal))
    return 1 - len(times) / times.total()


def _figures(name: str, outcome: RecoveryOutcome) -> tuple[Figure, ...]:
    """Return the figures; those of the new competitor have bounds."""
    again_seconds = MEMBERSHIPS[name].session_seconds + 2.0
    limits = (again_seconds, 2.0, 1 / NUM_WORKERS + 0.01, None, 2.0, 0.04) if name == NEW else (None,) * 6
    bounds = [None if limit is None else Bound("at most", limit) for limit in limits]
    return (
        _p95(f"{name}: killed, until its partitions decide again", outcome.dead_seconds, bounds[0]),
        _p95(f"{name}: killed, stop of other partitions", outcome.other_seconds, bounds[1]),
        summarise(f"{name}: killed, partitions touched", outcome.touched_shares, "ratio", bounds[2]),
        summarise(f"{name}: killed, uploads that wait for the session's end", outcome.late_shares, "ratio", bounds[3]),
        _p95(f"{name}: restarted, stop of any partition", outcome.restart_seconds, bounds[4]),
        summarise(f"{name}: signals published again", outcome.redone_shares, "ratio", bounds[5]),
    )


def _p95(name: str, values: list[float], bound: Bound | None) -> Figure:
    """Return the 95th percentile of all partitions of all rounds, and their spread; 0 without any."""
    known = sorted(values) or [0.0]
    p95 = quantiles(known, n=20, method="inclusive")[-1] if len(known) > 1 else known[0]
    return Figure(f"{name}, p95", p95, "s", bound, (known[0], known[-1]))


def _remarks(rounds: int) -> tuple[str, ...]:
    former = MEMBERSHIPS[OLD]
    return (
        f"{rounds} rounds; in each, either contender has {NUM_WORKERS} workers, a SIGKILL, a restart with successor",
        f"{PARTITIONS} partitions, an upload into each every {INTERVAL_SECONDS} s; a stand-in for media takes "
        f"{WORK_SECONDS} s for each",
        f"decide again: from the SIGKILL to a final verdict of an upload after it, {WORK_SECONDS} s of work included",
        "stop: the longest time without a final verdict in a partition, less the distance of two uploads",
        f"{OLD}: session of {former.session_seconds:g} s, heartbeats every {former.heartbeat_seconds:g} s, round robin "
        "in each group by itself, rebalances wait for running work",
        "workers, broker and Redis on the same cores: a busy machine makes all of it longer",
    )


def _line(fleet: Fleet, outcome: RecoveryOutcome) -> str:
    """Return the results so far."""
    return (
        f"session of {fleet.membership.session_seconds:g} s: {outcome.touched_shares[-1]:.0%} of partitions touched, "
        f"decide again after at most {max(outcome.dead_seconds):.1f} s; "
        f"others stop for at most {max(outcome.other_seconds, default=0.0):.1f} s, in a restart any for at most "
        f"{max(outcome.restart_seconds):.1f} s; {outcome.redone_shares[-1]:.1%} of signals again"
    )


def _settings(environment: dict[str, str]) -> Settings:
    return read_settings(
        kafka_bootstrap_servers=environment["VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS"],
        redis_url=environment["VIDSIGNAL_REDIS_URL"],
        topic_prefix=environment["VIDSIGNAL_TOPIC_PREFIX"],
    )


def _await(ask: Callable[[], Found | None], what: str) -> Found:
    give_up = time.monotonic() + _ANSWER_SECONDS
    while (found := ask()) is None:
        if time.monotonic() > give_up:
            raise TimeoutError(f"did not happen in {_ANSWER_SECONDS:g} s: {what}")
        time.sleep(0.1)
    return found
