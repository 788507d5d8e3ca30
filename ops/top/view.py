"""A frame as text for people."""

from __future__ import annotations

import time

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from ops.top.rows import Frame, ModelRow, RoleRow, StageRow, WorkerRow

_NOTHING = "-"
_BAD_STATES = {"stalled", "overdue"}
_CALM_STATES = {"idle", "flowing", "working", "slots-taken"}
_WIDE_COLUMNS = 124
_ID_COLUMNS = 44
"""Video ids are set by producers and may be long."""


def view_of(frame: Frame, width_columns: int) -> RenderableType:
    """Return everything in the order in which an operator needs it; side by side if the terminal is wide enough."""
    stages, others = _stages(frame), _spaced(_models(frame.models), _outcomes(frame))
    middle = _side_by_side(stages, others) if width_columns >= _WIDE_COLUMNS else _spaced(stages, others)
    return _spaced(_headline(frame), _workers(frame.workers), _roles(frame.roles), middle, _slowest(frame))


def _spaced(*parts: Text | Table | Group) -> Group:
    return Group(*(Padding(part, (0, 0, 1, 0)) for part in parts))


def _side_by_side(left: Table, right: Group) -> Table:
    grid = Table.grid(padding=(0, 4, 0, 0))
    grid.add_row(left, right)
    return grid


def _headline(frame: Frame) -> Text:
    clock = time.strftime("%H:%M:%S", time.localtime(frame.unix_seconds))
    verdicts_hz = sum(row.published_hz for row in frame.verdicts)
    cost = frame.cost
    first = f"{clock}   {frame.num_up} of {len(frame.workers)} workers up   rates over {frame.window_seconds:.0f} s"
    second = (
        f"{verdicts_hz:.2f} verdicts/s   {_money(cost.usd_a_video)} and {_number(cost.joules_a_video, '.1f')} J "
        f"a video   {_money(cost.usd_an_hour)} an hour"
    )
    return Text(f"{first}\n{second}", style="bold")


def _workers(rows: tuple[WorkerRow, ...]) -> Table:
    table = _table("worker", "", "roles", "device", *_right("up", "cpu", "memory"))
    for row in rows:
        if not row.is_up:
            table.add_row(row.address, Text("down", style="bold red"), Text(row.problem))
            continue
        table.add_row(
            row.address,
            Text("up", style="green"),
            ", ".join(row.roles),
            row.device or _NOTHING,
            _duration(row.uptime_seconds),
            _number(row.cpu_cores, ".2f"),
            _number(None if row.memory_bytes is None else row.memory_bytes / 2**20, ",.0f", " MiB"),
        )
    return table


def _roles(rows: tuple[RoleRow, ...]) -> Table:
    table = _table("role", "state", *_right("in/s", "done/s", "lag", "at work", "slots"))
    for row in rows:
        slots = f"{row.slots_taken:.0f} of {row.slots:.0f}" if row.slots else _NOTHING
        done = f"{row.events_finished_hz:.2f}"
        table.add_row(row.role, _state(row), f"{row.events_in_hz:.2f}", done, _lag(row), f"{row.in_flight:.0f}", slots)
    return table


def _state(row: RoleRow) -> Text:
    """Return text such as `flowing`, or `2 flowing, 1 stalled 42 s`: with numbers only if the workers differ."""
    is_one = len(row.states) == 1
    words = [f"{state}" if is_one else f"{count} {state}" for state, count in row.states.items()]
    text = ", ".join(f"{word} {row.stalled_seconds:.0f} s" if word.endswith("stalled") else word for word in words)
    bad, calm = _BAD_STATES & set(row.states), set(row.states) <= _CALM_STATES
    return Text(text or _NOTHING, style="bold red" if bad else "" if calm else "yellow")


def _lag(row: RoleRow) -> Text:
    """Return `unknown` for a lag that no worker knows, and `at least` for one that some know."""
    if row.lag_records is None:
        return Text("unknown", style="yellow")
    number = f"{row.lag_records:,.0f}"
    text = f"at least {number}" if row.num_unknown > 0 else number
    return Text(text, style="yellow" if row.lag_records or row.num_unknown > 0 else "")


def _stages(frame: Frame) -> Table:
    table = _table("stage", *_right("a second", "p50", "p95"))
    for row in frame.stages:
        table.add_row(*_timed(row.stage, row))
    for row in frame.latencies:
        if row.finished_hz:
            table.add_row(*_timed(f"upload to {row.stage}", row))
    return table


def _timed(name: str, row: StageRow) -> tuple[str, str, str, str]:
    return name, f"{row.finished_hz:.2f}", _span(row.p50_seconds), _span(row.p95_seconds)


def _models(rows: tuple[ModelRow, ...]) -> Table:
    table = _table("model", *_right("batches/s", "items", "videos", "fill", "queue p95", "busy"))
    for row in rows:
        table.add_row(
            row.model,
            f"{row.batches_hz:.2f}",
            _number(row.items_a_batch, ".1f"),
            _number(row.videos_a_batch, ".1f"),
            _percent(row.fill_ratio),
            _span(row.queue_p95_seconds),
            _percent(row.busy_ratio),
        )
    return table


def _outcomes(frame: Frame) -> Table:
    table = _table("outcome", *_right("a second", "in all"))
    for verdict in frame.verdicts:
        table.add_row(f"{verdict.status} {verdict.action}", f"{verdict.published_hz:.2f}", f"{verdict.total:,.0f}")
    for dead_letter in frame.dead_letters:
        name = Text(f"dead letter: {dead_letter.cause} ({dead_letter.role})", style="red")
        table.add_row(name, _number(_dead_letters_hz(dead_letter.increase, frame), ".2f"), f"{dead_letter.total:,.0f}")
    for what, retries_hz in frame.retries_hz.items():
        if retries_hz:
            table.add_row(Text(f"waiting for {what}", style="yellow"), f"{retries_hz:.2f}", "")
    if frame.deferred or frame.breakers_open:
        table.add_row(
            Text(f"deferred, {frame.breakers_open:.0f} origins down", style="yellow"), "", f"{frame.deferred:.0f}"
        )
    return table


def _dead_letters_hz(increase: float, frame: Frame) -> float:
    return increase / frame.window_seconds if frame.window_seconds else 0.0


def _slowest(frame: Frame) -> Table:
    table = _table(
        Column("slowest", max_width=_ID_COLUMNS, no_wrap=True, overflow="ellipsis"),
        "role",
        "at",
        *_right("age"),
        "worker",
    )
    for row in frame.slowest:
        # Text objects, never markup: a producer chose the id.
        table.add_row(Text(printable(row.video_id)), row.role, _at(row.agents), _span(row.age_seconds), row.worker)
    if not frame.slowest:
        table.add_row(Text("nothing is being worked on", style="dim"))
    return table


def _at(agents: dict[str, str]) -> str:
    """Return text such as `frames, motion working; audio deferred`."""
    by_stage: dict[str, list[str]] = {}
    for agent, stage in agents.items():
        by_stage.setdefault(stage, []).append(agent)
    return "; ".join(f"{', '.join(names)} {stage}" for stage, names in by_stage.items())


def printable(text: str) -> str:
    """Return the text without characters that would control the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold cyan")


def _right(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, justify="right", no_wrap=True) for name in names)


def _number(value: float | None, form: str, unit: str = "") -> str:
    return _NOTHING if value is None else f"{value:{form}}{unit}"


def _percent(ratio: float | None) -> str:
    return _NOTHING if ratio is None else f"{100 * ratio:.0f}%"


def _money(usd: float | None) -> str:
    return _NOTHING if usd is None else f"${usd:.2e}" if 0 < usd < 0.01 else f"${usd:.2f}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return _NOTHING
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else _duration(seconds) if seconds >= 120 else f"{seconds:.1f} s"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return _NOTHING
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
