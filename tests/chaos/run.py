"""One run: a world is opened, traffic flows, faults strike, all comes to rest, and the judge speaks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from ops.local.scratch import scratch_dir
from tests.chaos.convergence import await_convergence
from tests.chaos.faults.attack import Attack
from tests.chaos.faults.registry import EVERY_ROUND, FAULTS, OF_REAL_MEDIA
from tests.chaos.judge.evidence import ALL_GROUPS, LIGHT_GROUPS, Evidence, read_evidence
from tests.chaos.judge.judge import Evaluation, judge
from tests.chaos.judge.lost_claims import LOSES_WRITES, without_lost_claims
from tests.chaos.judge.mixed_releases import without_known_faults
from tests.chaos.judge.recovery import recoveries, spread
from tests.chaos.judge.violating_records import write_records
from tests.chaos.media import Media, open_media
from tests.chaos.options import Options
from tests.chaos.report import Report
from tests.chaos.schedule import Strike, schedule
from tests.chaos.striking import strike_all
from tests.chaos.timeline import Timeline
from tests.chaos.traffic.fact_reader import FactReader
from tests.chaos.traffic.traffic import Traffic
from tests.chaos.world.older_release import NoOlderRelease, export_older_release
from tests.chaos.world.worker import Build
from tests.chaos.world.world import TIMEOUT_SECONDS, World

_NOT_DONE: Final = ("fault-skipped", "fault-broke-off")


def run_chaos(options: Options, tell: Callable[[str], None] | None = None) -> Report:
    """Run it, and leave report, timeline and logs in the folder that the options name."""
    options.out.mkdir(parents=True, exist_ok=True)
    timeline = Timeline(options.out / "timeline.jsonl", tell)
    with ExitStack() as opened:
        folder = opened.enter_context(scratch_dir())
        media = opened.enter_context(open_media(options.media))
        world = World(folder, timeline, partitions=options.partitions, environment=media.environment)
        world.fleet.log_folder = options.out / "workers"
        opened.enter_context(world)
        report = _run(options, world, media, folder)
    timeline.close()
    (options.out / "report.json").write_text(report.to_json(), encoding="utf-8")
    (options.out / "report.txt").write_text(report.to_text() + "\n", encoding="utf-8")
    return report


def _run(options: Options, world: World, media: Media, folder: Path) -> Report:
    is_real = options.media == "real"
    older = _older_release(folder / "older", world.timeline)
    strikes = planned(options, has_older_release=older is not None)
    world.fleet.await_ready(*(world.fleet.start(roles) for roles in options.workers), timeout_seconds=TIMEOUT_SECONDS)
    reader = FactReader(world.bootstrap_servers, options.seed, is_standing_in=not is_real)
    traffic = Traffic(
        world.bootstrap_servers,
        options.seed,
        options.rates,
        media.source,
        may_delete_without_revision=lambda: not world.older_lock.locked(),
    )
    reader.start()
    traffic.start()

    def attack_of(strike: Strike, chance: random.Random) -> Attack:
        return Attack(strike.kind, world, traffic, chance, options.longest_stop_seconds, older)

    strike_all(world, strikes, attack_of)
    world.heal()
    world.timeline.add("traffic-finished", **traffic.finish())
    groups = ALL_GROUPS if is_real else LIGHT_GROUPS

    def converge() -> bool:
        return await_convergence(world, groups, timeout_seconds=TIMEOUT_SECONDS, is_traffic_idle=lambda: reader.is_idle)

    has_converged = converge()
    before = read_evidence(world.bootstrap_servers, world.store.direct_url, groups)
    before_audit = _judged(before, world.timeline)
    world.command("audit", "--repair")
    has_converged = converge() and has_converged
    after = read_evidence(world.bootstrap_servers, world.store.direct_url, groups)
    after_audit = _judged(after, world.timeline)
    write_records(options.out / "violations.jsonl", after, (*before_audit.violations, *after_audit.violations))
    reader.finish()
    return Report(
        seed=options.seed,
        media=options.media,
        num_planned=len(strikes),
        faults=Counter(str(entry.details["kind"]) for entry in world.timeline.entries("fault")),
        skipped=[entry.details for event in _NOT_DONE for entry in world.timeline.entries(event)],
        left_out=[entry.details for entry in world.timeline.entries("fault-left-out")],
        has_converged=has_converged,
        before_audit=before_audit,
        after_audit=after_audit,
        recovery_seconds=_recovery_seconds(before, world.timeline),
        exits=tuple(world.fleet.exits),
    )


def planned(options: Options, *, has_older_release: bool) -> list[Strike]:
    """The schedule of a run."""
    left_out = set() if options.media == "real" else set(OF_REAL_MEDIA)
    left_out |= set() if has_older_release else {"older-worker"}
    kinds = [kind for kind in (options.kinds or FAULTS) if kind not in left_out]
    return schedule(options.seed, options.num_faults, options.minutes * 60.0, kinds, first=EVERY_ROUND)


def _older_release(folder: Path, timeline: Timeline) -> Build | None:
    folder.mkdir()
    try:
        return export_older_release(folder)
    except NoOlderRelease as error:
        timeline.add("fault-left-out", kind="older-worker", why=str(error))
        return None


def _judged(evidence: Evidence, timeline: Timeline) -> Evaluation:
    began = [entry.unix_seconds for entry in timeline.entries("older-worker-began")]
    ended = [entry.unix_seconds for entry in timeline.entries("older-worker-ended")]
    faults = timeline.entries("fault")
    losses = [entry.unix_seconds for entry in faults if entry.details["kind"] in LOSES_WRITES]
    found = without_lost_claims(judge(evidence), losses)
    return without_known_faults(found, evidence.records, list(zip(began, ended, strict=True)))


def _recovery_seconds(evidence: Evidence, timeline: Timeline) -> dict[str, Any]:
    faults = [(str(entry.details["kind"]), entry.unix_seconds) for entry in timeline.entries("fault")]
    return dict(spread(recoveries(evidence.records, faults)))
