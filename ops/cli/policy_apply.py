"""`vidsignal policy apply`: decides verdicts of another policy again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from rich.table import Column, Table

from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.ruleset import ruleset_or_exit
from ops.cli.with_redis import read_once
from schemas.markets import MARKETS
from schemas.outcomes import ACTIONS, Action
from schemas.topics import MODERATION
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable, partitions_of, producer_configuration, require_broker
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import SystemClock
from streams.policy_rollout.past_verdicts import PolicyFilter, past_verdicts
from streams.policy_rollout.policy_evaluation import PolicyEvaluator, WhyNot
from streams.policy_rollout.policy_publishing import Pace, PolicyFacts
from streams.policy_rollout.rollout_stats import RolloutStats
from streams.policy_rollout.verdict_selection import Send, VerdictSelection, go_through
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

_WORDS: dict[WhyNot, str] = {
    "up-to-date": "have a newer verdict under it by now",
    "still-pending": "wait for a newer revision's first decision",
    "older-revision": "have a newer revision by now",
    "forgotten": "were forgotten",
    "no-state": "are no longer in the store",
    "facts-gone": "were rebuilt without their facts: publish them under a higher revision",
    "not-accepted": "are further in the topic than in the store: try again, or run `vidsignal audit`",
}


def apply_policy(
    market: str | None, action: str | None, limit: int | None, per_second: float | None, *, json_output: bool
) -> None:
    """Select, evaluate and publish; without a rate nothing is published."""
    asked = PolicyFilter(market=_market(market), action=_action(action), limit=limit)
    settings = settings_or_exit()
    ruleset = ruleset_or_exit(settings)
    judge = PolicyEvaluator(ruleset.policy, ruleset.prices, SystemClock().now_unix_seconds())
    tally = _answer(settings, asked, judge, per_second)
    if json_output:
        print_json({"policy": ruleset.policy.label, "is_dry": per_second is None, **as_json(tally)})
        return
    print_tally(tally, ruleset.policy.label, is_dry=per_second is None)


def as_json(tally: RolloutStats) -> dict[str, Any]:
    """Return the counts for scripts."""
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


def print_tally(tally: RolloutStats, label: str, *, is_dry: bool) -> None:
    """Print the counts for people."""
    if tally.changes:
        out.table(_table(tally))
    for reason, number in tally.skipped.most_common():
        out.print(f"{number} {_WORDS.get(reason, reason)}", markup=False, soft_wrap=True)
    done = "would be decided again" if is_dry else "are decided again as workers come to them"
    told = f"{tally.num_chosen} {done}, under {label}: {tally.num_changed} change their action"
    told += f"; of {tally.num_reviewed} a person's word stands" if tally.num_reviewed else ""
    out.print(told, markup=False, soft_wrap=True)


def _table(tally: RolloutStats) -> Table:
    table = Table("action now", "action then", Column("videos", justify="right"), Column("such as", overflow="fold"))
    for (before, after), number in tally.changes.most_common():
        named = ", ".join(tally.examples[before, after]) if before != after else ""
        table.add_row(before, after if before != after else "the same", str(number), named)
    return table


def _answer(settings: Settings, asked: PolicyFilter, judge: PolicyEvaluator, per_second: float | None) -> RolloutStats:
    async def look(redis: Redis) -> RolloutStats:
        admin = await asyncio.to_thread(require_broker, settings)  # a producer would wait for it, and print that
        choice = VerdictSelection(Outcomes(redis, Keys(settings.topic_prefix)).read, asked, judge)
        if per_second is None:
            return await _go_through(settings, admin, choice, None)
        publisher = Publisher(producer_configuration(settings), settings.topic_prefix)
        try:
            send = PolicyFacts(publisher, Pace(per_second, SystemClock())).send
            return await _go_through(settings, admin, choice, send)
        finally:
            await publisher.close()

    with clean_interrupt():
        try:
            return asyncio.run(read_once(settings, look))
        except BrokerUnavailable as error:
            fail(str(error), ExitCode.UNAVAILABLE)


async def _go_through(
    settings: Settings, admin: AdminClient, choice: VerdictSelection, send: Send | None
) -> RolloutStats:
    """Process one partition after another, which limits the verdicts in memory."""
    tally = RolloutStats()
    topic = settings.topic_prefix + MODERATION.name
    for partition in await asyncio.to_thread(partitions_of, admin, topic):
        if choice.is_enough(tally):
            break
        await go_through(await asyncio.to_thread(past_verdicts, settings, partition), choice, tally, send, _tell)
    return tally


def _tell(tally: RolloutStats) -> None:
    err.print(f"{tally.num_chosen} chosen, {tally.skipped.total()} passed over")


def _market(said: str | None) -> str | None:
    if said is not None and said not in MARKETS:
        fail(f"--market is {said!r}; allowed are country codes of two capitals, such as DE", ExitCode.USAGE)
    return said


def _action(said: str | None) -> Action | None:
    if said is not None and said not in ACTIONS:
        fail(f"--action is {said!r}; allowed are {', '.join(ACTIONS)}", ExitCode.USAGE)
    return said
