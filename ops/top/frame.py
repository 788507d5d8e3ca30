"""From scrapes to a frame: pure, so that a test can compute every number by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ops.local.metrics_page import MetricsPage
from ops.top.rates import Rates, rates
from ops.top.rows import (
    CostRow,
    DeadLetterRow,
    Frame,
    ModelRow,
    RoleRow,
    SlowRow,
    StageRow,
    VerdictRow,
    WorkerRow,
)
from ops.top.scrape import Scrape
from streams.config.settings import ROLES

Pair = tuple[Scrape, Scrape]
"""An earlier and the latest scrape of one worker; the same twice if there is only one."""

_STAGES: Final = "vidsignal_stage_seconds"
_LATENCY: Final = "vidsignal_upload_to_verdict_seconds"


def frame_of(pairs: Sequence[Pair], now_unix_seconds: float, num_slowest: int = 10) -> Frame:
    """Combine the scrapes of all workers."""
    moved = rates(pairs)
    pages = [after.page for _, after in pairs if after.page is not None]
    now = _Now(pages)
    return Frame(
        unix_seconds=now_unix_seconds,
        window_seconds=max((after.at_seconds - before.at_seconds for before, after in pairs), default=0.0),
        workers=tuple(_worker(pair, now_unix_seconds) for pair in pairs),
        roles=tuple(_role(role, moved, now) for role in ROLES if _runs(role, now)),
        stages=_timed(_STAGES, "stage", moved, now),
        latencies=_timed(_LATENCY, "status", moved, now),
        models=tuple(_model(name, moved) for name in now.values("vidsignal_batch_items_count", "model")),
        verdicts=_verdicts(moved, now),
        dead_letters=_dead_letters(moved, now),
        cost=_cost(moved),
        deferred=now.total("vidsignal_deferred_events"),
        breakers_open=now.total("vidsignal_source_breakers_open"),
        retries_hz={
            reason: moved.rate("vidsignal_retries_total", reason=reason)
            for reason in now.values("vidsignal_retries_total", "reason")
        },
        slowest=_slowest(pairs, num_slowest),
    )


class _Now:
    """The latest pages of all workers together."""

    def __init__(self, pages: Sequence[MetricsPage]) -> None:
        self._pages = pages

    def total(self, name: str, **labels: str) -> float:
        return sum(page.total(name, **labels) for page in self._pages)

    def largest(self, name: str, **labels: str) -> float:
        """Return the largest value of any worker; 0 without any."""
        return max((page.total(name, **labels) for page in self._pages), default=0.0)

    def has(self, name: str, role: str) -> bool:
        """Return whether any worker exports it for a role."""
        return self.num_pages(name, role) > 0

    def num_pages(self, name: str, role: str) -> int:
        """Return how many workers export it for a role."""
        return sum(
            any(found == name and ("role", role) in tags for (found, tags) in page.samples) for page in self._pages
        )

    def states(self, role: str) -> dict[str, int]:
        """Return how many workers have the role in which state, in alphabetical order."""
        name = "vidsignal_role_state"
        found = [state for known, state in self.combinations(name, "role", "state") if known == role]
        counts = {state: int(self.total(name, role=role, state=state)) for state in found}
        return {state: count for state, count in counts.items() if count}

    def values(self, name: str, label: str) -> list[str]:
        """Return all values of a label, in alphabetical order."""
        found = {dict(tags)[label] for page in self._pages for (found, tags) in page.samples if found == name}
        return sorted(found)

    def combinations(self, name: str, *labels: str) -> list[tuple[str, ...]]:
        """Return the same for several labels together."""
        series = [dict(tags) for page in self._pages for (found, tags) in page.samples if found == name]
        return sorted({tuple(tags[label] for label in labels) for tags in series})


def _worker(pair: Pair, now_unix_seconds: float) -> WorkerRow:
    before, after = pair
    if after.page is None:
        return WorkerRow(after.address, False, after.problem)
    now, started = _Now([after.page]), after.started_unix_seconds
    return WorkerRow(
        after.address,
        True,
        roles=tuple(role for role in ROLES if _runs(role, now)),
        device=", ".join(sorted(set(now.values("vidsignal_build_info", "device")) - {"none"})),
        uptime_seconds=max(0.0, now_unix_seconds - started) if started else None,
        cpu_cores=rates([(before, after)]).rate("process_cpu_seconds_total") if before is not after else None,
        memory_bytes=now.total("process_resident_memory_bytes") or None,
    )


def _runs(role: str, now: _Now) -> bool:
    names = ("vidsignal_build_info", "vidsignal_events_in_total", "vidsignal_consumer_lag")
    return any(role in now.values(name, "role") for name in names)


def _role(role: str, moved: Rates, now: _Now) -> RoleRow:
    return RoleRow(
        role=role,
        events_in_hz=_over_agents(max, "vidsignal_events_in_total", role, moved, now),
        events_finished_hz=_over_agents(min, "vidsignal_events_finished_total", role, moved, now),
        lag_records=now.total("vidsignal_consumer_lag", role=role) if now.has("vidsignal_consumer_lag", role) else None,
        num_unknown=now.num_pages("vidsignal_build_info", role)
        - int(now.total("vidsignal_broker_offsets_known", role=role)),
        states=now.states(role),
        stalled_seconds=now.largest("vidsignal_role_stalled_seconds", role=role),
        in_flight=now.total("vidsignal_events_in_flight", role=role),
        slots_taken=now.total("vidsignal_concurrent_videos", role=role),
        slots=now.total("vidsignal_max_concurrent_videos", role=role),
    )


def _over_agents(choose: Callable[[list[float]], float], name: str, role: str, moved: Rates, now: _Now) -> float:
    """Combine the agents of a role; every agent receives every event, which starts with the first and ends with the
    last."""
    agents = [agent for found, agent in now.combinations(name, "role", "agent") if found == role]
    return choose([moved.rate(name, role=role, agent=agent) for agent in agents]) if agents else 0.0


def _timed(histogram: str, label: str, moved: Rates, now: _Now) -> tuple[StageRow, ...]:
    return tuple(
        StageRow(
            stage=value,
            finished_hz=moved.rate(f"{histogram}_count", **{label: value}),
            p50_seconds=moved.quantile(histogram, 0.5, **{label: value}),
            p95_seconds=moved.quantile(histogram, 0.95, **{label: value}),
        )
        for value in now.values(f"{histogram}_count", label)
    )


def _model(model: str, moved: Rates) -> ModelRow:
    items = moved.increase("vidsignal_batch_items_sum", model=model)
    rows = items + moved.increase("vidsignal_batch_padded_items_total", model=model)
    return ModelRow(
        model=model,
        batches_hz=moved.rate("vidsignal_batch_items_count", model=model),
        items_a_batch=moved.mean("vidsignal_batch_items", model=model),
        videos_a_batch=moved.mean("vidsignal_batch_videos", model=model),
        fill_ratio=items / rows if rows else None,
        queue_p95_seconds=moved.quantile("vidsignal_batch_queue_age_seconds", 0.95, model=model),
        busy_ratio=moved.rate("vidsignal_device_seconds_total", model=model),
    )


def _verdicts(moved: Rates, now: _Now) -> tuple[VerdictRow, ...]:
    name = "vidsignal_verdicts_total"
    rows = (
        VerdictRow(
            status=status,
            action=action,
            published_hz=moved.rate(name, status=status, action=action),
            total=now.total(name, status=status, action=action),
        )
        for status, action in now.combinations(name, "status", "action")
    )
    return tuple(row for row in rows if row.total)


def _dead_letters(moved: Rates, now: _Now) -> tuple[DeadLetterRow, ...]:
    name = "vidsignal_dead_letters_total"
    rows = (
        DeadLetterRow(
            role=role,
            cause=cause,
            increase=moved.increase(name, role=role, cause=cause),
            total=now.total(name, role=role, cause=cause),
        )
        for role, cause in now.combinations(name, "role", "cause")
    )
    return tuple(row for row in rows if row.total)


def _cost(moved: Rates) -> CostRow:
    videos = moved.increase("vidsignal_video_cost_usd_count")
    usd, joules = moved.increase("vidsignal_cost_usd_total"), moved.increase("vidsignal_energy_joules_total")
    return CostRow(
        usd_a_video=usd / videos if videos else None,
        joules_a_video=joules / videos if videos else None,
        usd_an_hour=moved.rate("vidsignal_cost_usd_total") * 3600,
    )


def _slowest(pairs: Iterable[Pair], number: int) -> tuple[SlowRow, ...]:
    rows = [
        SlowRow(event.video_id, event.role, event.agents, event.age_seconds, after.address)
        for _, after in pairs
        for event in after.slowest
    ]
    return tuple(sorted(rows, key=lambda row: -row.age_seconds)[:number])
