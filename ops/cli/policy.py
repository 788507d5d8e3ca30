"""`vidsignal policy`: check a policy file, and apply a changed one to what was decided before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from redis.asyncio import Redis
from rich.table import Column, Table

from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.ruleset import ruleset_or_exit
from ops.cli.store_once import read_once
from schemas.markets import MARKETS
from schemas.outcomes import ACTIONS, Action
from schemas.topics import MODERATION
from streams.clock import SystemClock
from streams.delivery.publisher import Publisher
from streams.kafka_clients import BrokerAway, partitions_of, producer_configuration, require_broker
from streams.policy_change.choosing import Choice, Send, go_through
from streams.policy_change.judging import Judge, WhyNot
from streams.policy_change.past_verdicts import PolicyFilter, past_verdicts
from streams.policy_change.sending import DEFAULT_PER_SECOND, Pace, PolicyFacts
from streams.policy_change.tally import Tally
from streams.settings import Settings
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.verdict.policy import Policy
from streams.verdict.policy_checks import InvalidPolicy
from streams.verdict.policy_file import load_policy

app = typer.Typer(help="The file that says what is allowed: check it, apply it.", no_args_is_help=True)

_WORDS: dict[WhyNot, str] = {
    "up-to-date": "have a newer verdict under it by now",
    "still-pending": "wait for a newer revision's first decision",
    "older-revision": "have a newer revision by now",
    "forgotten": "were forgotten",
    "no-state": "are no longer in the store",
    "facts-gone": "were rebuilt without their facts: publish them under a higher revision",
    "not-accepted": "are further in the topic than in the store: try again, or run `vidsignal audit`",
}


@app.callback()
def _group() -> None:
    """The file that says what is allowed: check it, apply it."""


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A policy file; the one in the settings by default.")] = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Name, version, hash and number of rules as one JSON object.")
    ] = False,
) -> None:
    """Validate a policy as a worker would at its start, and show its rules; exit code 1 where it is wrong."""
    chosen = file if file is not None else settings_or_exit().policy_file
    try:
        policy = load_policy(chosen)
    except InvalidPolicy as error:
        fail(str(error), ExitCode.FOUND)
    if json_output:
        print_json(
            {"name": policy.name, "version": policy.version, "sha256": policy.file_hash, "rules": len(policy.rules)}
        )
        return
    _print(policy, chosen)


@app.command()
def apply(
    market: Annotated[str | None, typer.Option(help="Only verdicts of this market.")] = None,
    action: Annotated[str | None, typer.Option(help=f"Only those that say now: {', '.join(ACTIONS)}.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    per_second: Annotated[float, typer.Option(min=0.1, help="At most so many facts a second.")] = DEFAULT_PER_SECOND,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; send nothing.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Have verdicts of another policy decided again, by the one in the settings, from the signals that are kept.

    Nothing is analysed. Roll the verdict workers first: each decides by the policy that it started with. May be run
    again, and interrupted: what already names the policy is passed over. What a person decided stands.
    """
    asked = PolicyFilter(market=_market(market), action=_action(action), limit=limit)
    settings = settings_or_exit()
    ruleset = ruleset_or_exit(settings)
    judge = Judge(ruleset.policy, ruleset.prices, SystemClock().now_unix_seconds())
    tally = _answer(settings, asked, judge, None if dry_run else per_second)
    if json_output:
        print_json({"policy": ruleset.policy.label, "is_dry": dry_run, **as_json(tally)})
        return
    print_tally(tally, ruleset.policy.label, is_dry=dry_run)


def as_json(tally: Tally) -> dict[str, Any]:
    """A tally for scripts."""
    return {
        "num_chosen": tally.num_chosen,
        "num_changed": tally.num_changed,
        "num_reviewed": tally.num_reviewed,
        "changes": [
            {"before": before, "after": after, "videos": number, "examples": tally.examples[before, after]}
            for (before, after), number in tally.changes.most_common()
        ],
        "skipped": dict(tally.skipped),
    }


def print_tally(tally: Tally, label: str, *, is_dry: bool) -> None:
    """A tally for people."""
    if tally.changes:
        out.print(_table(tally))
    for reason, number in tally.skipped.most_common():
        out.print(f"{number} {_WORDS.get(reason, reason)}", markup=False, soft_wrap=True)
    done = "would be decided again" if is_dry else "are decided again as workers come to them"
    told = f"{tally.num_chosen} {done}, under {label}: {tally.num_changed} change their action"
    told += f"; of {tally.num_reviewed} a person's word stands" if tally.num_reviewed else ""
    out.print(told, markup=False, soft_wrap=True)


def _table(tally: Tally) -> Table:
    table = Table("action now", "action then", Column("videos", justify="right"), Column("such as", overflow="fold"))
    for (before, after), number in tally.changes.most_common():
        named = ", ".join(tally.examples[before, after]) if before != after else ""
        table.add_row(before, after if before != after else "the same", str(number), named)
    return table


def _answer(settings: Settings, asked: PolicyFilter, judge: Judge, per_second: float | None) -> Tally:
    async def look(redis: Redis) -> Tally:
        choice = Choice(Outcomes(redis, Keys(settings.topic_prefix)).read, asked, judge)
        if per_second is None:
            return await _go_through(settings, choice, None)
        publisher = Publisher(producer_configuration(settings), settings.topic_prefix)
        try:
            return await _go_through(settings, choice, PolicyFacts(publisher, Pace(per_second, SystemClock())).send)
        finally:
            await publisher.close()

    with clean_interrupt():
        try:
            return asyncio.run(read_once(settings, look))
        except BrokerAway as error:
            fail(str(error), ExitCode.AWAY)


async def _go_through(settings: Settings, choice: Choice, send: Send | None) -> Tally:
    """One partition after another, so that no more verdicts are held in memory."""
    tally = Tally()
    admin = await asyncio.to_thread(require_broker, settings)
    topic = settings.topic_prefix + MODERATION.name
    for partition in await asyncio.to_thread(partitions_of, admin, topic):
        if choice.is_enough(tally):
            break
        await go_through(await asyncio.to_thread(past_verdicts, settings, partition), choice, tally, send, _tell)
    return tally


def _tell(tally: Tally) -> None:
    err.print(f"{tally.num_chosen} chosen, {tally.skipped.total()} passed over")


def _market(said: str | None) -> str | None:
    if said is not None and said not in MARKETS:
        fail(f"--market is {said!r}; allowed are country codes of two capitals, such as DE", ExitCode.USAGE)
    return said


def _action(said: str | None) -> Action | None:
    if said is not None and said not in ACTIONS:
        fail(f"--action is {said!r}; allowed are {', '.join(ACTIONS)}", ExitCode.USAGE)
    return said


def _print(policy: Policy, path: Path | None) -> None:
    table = Table(Column("label or group", overflow="fold"), "thresholds", "in markets", "words")
    for rule in policy.rules.values():
        markets = "; ".join(f"{market}: {_thresholds(found)}" for market, found in rule.markets.items())
        table.add_row(rule.path, _thresholds(rule.thresholds), markets, rule.words)
    out.print(table)
    out.print(f"{path or 'packaged default policy'}: {policy.name} version {policy.version} is valid")


def _thresholds(thresholds: object) -> str:
    assert isinstance(thresholds, dict)
    return ", ".join(f"{action} from {threshold:g}" for action, threshold in thresholds.items()) or "none"
