"""Stock Faust under a schedule of the chaos: how much of what the broker took is never answered."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from ops.local.scratch import scratch_dir
from tests.chaos.convergence import num_behind
from tests.chaos.faults.attack import Attack
from tests.chaos.judge.evidence import UPLOADED, read_topic
from tests.chaos.media import open_media
from tests.chaos.options import Options
from tests.chaos.run import planned
from tests.chaos.schedule import Strike
from tests.chaos.stock.worker import ANSWERS, GROUP, STOCK_WORKER
from tests.chaos.striking import strike_all
from tests.chaos.timeline import Timeline
from tests.chaos.traffic.traffic import Traffic
from tests.chaos.world.worker import Build
from tests.chaos.world.world import NUM_BROKERS, TIMEOUT_SECONDS, World

_STOCK = Build("stock Faust", STOCK_WORKER)
_NUM_WORKERS = 2
_SETTLE_SECONDS = 20.0
"""Longer than any answer takes."""
_LOOK_SECONDS = 2.0
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class StockReport:
    """What became of the uploads."""

    seed: int
    faults: dict[str, int]
    uploads: int
    """That the broker confirmed."""
    lost: int
    """Committed, and never answered: no restart brings them back."""
    waiting: int
    """Neither committed nor answered when patience ended; a restart might bring them back."""
    answered_twice: int
    exits: int
    """Of workers that nobody asked to end."""

    def to_text(self) -> str:
        """One line for people."""
        return (
            f"stock Faust, seed {self.seed}, {sum(self.faults.values())} faults: of {self.uploads} uploads "
            f"{self.lost} lost, {self.waiting} waiting, {self.answered_twice} answered more than once; "
            f"{self.exits} workers ended by themselves"
        )


def run_stock(options: Options, tell: Callable[[str], None] | None = None) -> StockReport:
    """Run it, and leave report, timeline and logs in the folder that the options name."""
    options.out.mkdir(parents=True, exist_ok=True)
    timeline = Timeline(options.out / "timeline.jsonl", tell)
    with ExitStack() as opened:
        folder = opened.enter_context(scratch_dir())
        media = opened.enter_context(open_media("stand-in"))
        world = World(folder, timeline, partitions=options.partitions, build=_STOCK)
        world.fleet.log_folder = options.out / "workers"
        opened.enter_context(world)
        _create_answers(world, options.partitions)
        traffic = Traffic(world.bootstrap_servers, options.seed, options.rates, media.source)
        report = _run(options, world, traffic)
    timeline.close()
    (options.out / "report.json").write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")
    return report


def _run(options: Options, world: World, traffic: Traffic) -> StockReport:
    world.fleet.await_ready(*(world.fleet.start() for _ in range(_NUM_WORKERS)), timeout_seconds=TIMEOUT_SECONDS)
    traffic.start()

    def attack_of(strike: Strike, chance: random.Random) -> Attack:
        return Attack(strike.kind, world, traffic, chance, options.longest_stop_seconds, _STOCK)

    strike_all(world, planned(options, has_older_release=True), attack_of)
    world.heal()
    world.timeline.add("traffic-finished", **traffic.finish())
    num_waiting = _await_rest(world)
    uploads = {record.place for record in read_topic(world.bootstrap_servers, UPLOADED)}
    answers = Counter(_source(record.value) for record in read_topic(world.bootstrap_servers, ANSWERS))
    return StockReport(
        seed=options.seed,
        faults=dict(Counter(str(entry.details["kind"]) for entry in world.timeline.entries("fault"))),
        uploads=len(uploads),
        lost=max(0, len(uploads - answers.keys()) - num_waiting),
        waiting=num_waiting,
        answered_twice=sum(number > 1 for number in answers.values()),
        exits=len(world.fleet.exits),
    )


def _await_rest(world: World) -> int:
    """Wait until all is committed, and any answer is out; return what never was committed."""
    give_up, num_waiting = time.monotonic() + TIMEOUT_SECONDS / 3, -1
    while num_waiting and time.monotonic() < give_up:
        time.sleep(_LOOK_SECONDS)
        try:
            num_waiting = num_behind(world, {GROUP: UPLOADED})
        except KafkaException:  # a coordinator that is only loading
            num_waiting = -1
    time.sleep(_SETTLE_SECONDS)
    return max(0, num_waiting)


def _create_answers(world: World, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": world.bootstrap_servers, "log_level": 0})
    request = NewTopic(ANSWERS, num_partitions=partitions, replication_factor=NUM_BROKERS)
    admin.create_topics([request])[ANSWERS].result(_ANSWER_SECONDS)


def _source(value: bytes | None) -> tuple[int, int]:
    place = json.loads(value or b"{}")
    return place["partition"], place["offset"]
