"""The fleet's flow: does it keep up, and how long does an upload wait."""

from __future__ import annotations

from typing import Final

from ops.dashboards.expressions import QUANTILES, increase, quantile, quantiles, rate
from ops.dashboards.fleet_machines import VIDEO_COST
from ops.dashboards.panels import Panel, Query, Row

_LIVE_FINAL: Final = '{status="final", lane="live"}'


def _stage_panel(share: float, name: str) -> Panel:
    return Panel(
        f"Stages, {name}",
        f"{name} of the time in each stage of the walk. `decode-wait` is the wait for a decoder process; frames, "
        "audio, motion and context are whole agents, their waits for the decode and for batches included.",
        "s",
        (Query(quantile(share, "vidsignal_stage_seconds", "", "stage"), "{{stage}}"),),
        width=6,
    )


OVERVIEW: Final = Row(
    "Overview",
    (
        Panel(
            "Workers that answer",
            "Workers whose metrics Prometheus can read.",
            "short",
            (Query('sum(up{job="vidsignal"})', "workers"),),
            "stat",
            4,
        ),
        Panel(
            "Videos decided a second",
            "Revisions that got their first verdict, provisional or final.",
            "ops",
            (Query(rate('vidsignal_decisions_total{previous_action="none"}'), "videos"),),
            "stat",
            4,
        ),
        Panel(
            "Records waiting",
            "Records between what is committed and the end of the topics, by the broker, over all roles.",
            "short",
            (Query("sum(vidsignal_consumer_lag)", "records"),),
            "stat",
            4,
        ),
        Panel(
            "Upload to final verdict, p95",
            "From the broker's timestamp of a live upload to its published final verdict.",
            "s",
            (Query(quantile(0.95, "vidsignal_upload_to_verdict_seconds", _LIVE_FINAL), "p95"),),
            "stat",
            4,
        ),
        Panel(
            "Dead letters, last hour",
            "Events that are not retried automatically. `vidsignal dead-letters list` shows them.",
            "short",
            (Query(increase("vidsignal_dead_letters_total", "1h"), "letters"),),
            "stat",
            4,
        ),
        Panel(
            "Cost per thousand, now",
            "By the price table of the settings, of videos that became final just now.",
            "currencyUSD",
            (Query(f"1000 * {VIDEO_COST}", "a thousand"),),
            "stat",
            4,
        ),
    ),
)

THROUGHPUT: Final = Row(
    "Throughput and lag",
    (
        Panel(
            "Lag by role",
            "Records that wait, by the broker. Growing: the role does not keep up; add workers up to the number of "
            "partitions. Level and not zero without throughput: it is stuck, see the alert VidsignalNoProgress.",
            "short",
            (Query("sum by (role) (vidsignal_consumer_lag)", "{{role}}"),),
        ),
        Panel(
            "States of roles",
            "Workers by the state that a role is in: flowing, idle, working, what it waits for, or stalled.",
            "short",
            (Query("sum by (role, state) (vidsignal_role_state) > 0", "{{role}} {{state}}"),),
        ),
        Panel(
            "Stalled",
            "How long a role has been delivered nothing although records wait and it could take more; the worker ends "
            "itself after a minute.",
            "s",
            (Query("max by (role) (vidsignal_role_stalled_seconds)", "{{role}}"),),
        ),
        Panel(
            "Workers that do not know how far they are",
            "The broker does not tell them, and a lag that is unknown is not shown as 0.",
            "short",
            (
                Query(
                    "sum by (role) (vidsignal_build_info) - sum by (role) (vidsignal_broker_offsets_known)", "{{role}}"
                ),
            ),
        ),
        Panel(
            "Events finished",
            "Events that an agent is through with. Each upload passes all four agents of the media role.",
            "ops",
            (Query(rate("vidsignal_events_finished_total", "role", "agent"), "{{role}} {{agent}}"),),
        ),
        Panel(
            "Records written",
            "Records that the broker confirmed, by topic.",
            "ops",
            (Query(rate("vidsignal_events_out_total", "topic"), "{{topic}}"),),
        ),
        Panel(
            "Backfill stands back",
            "Workers whose backfill role yields to live videos, or was paused.",
            "short",
            (
                Query("sum(vidsignal_backfill_yielding)", "making room"),
                Query("sum(vidsignal_backfill_paused)", "paused"),
            ),
        ),
        Panel(
            "Events in flight",
            "Events that are worked on now.",
            "short",
            (Query("sum by (role) (vidsignal_events_in_flight)", "{{role}}"),),
        ),
        Panel(
            "Oldest event that is worked on",
            "Its age. An event beyond the limit is named in the log, with its video.",
            "s",
            (Query("max by (role) (vidsignal_oldest_unfinished_event_seconds)", "{{role}}"),),
        ),
        Panel(
            "Warnings on uploads and deletions",
            "Accepted, and likely a mistake of their producer: what each kind means stands in `docs/producers.md`.",
            "ops",
            (Query(rate("vidsignal_event_warnings_total", "kind"), "{{kind}}"),),
        ),
        Panel(
            "Skipped events and ignored facts",
            "What changed nothing, and why: forgotten videos, older revisions, facts that came twice.",
            "ops",
            (
                Query(rate("vidsignal_events_skipped_total", "role", "cause"), "{{role}} {{cause}}"),
                Query(rate("vidsignal_facts_ignored_total", "kind", "cause"), "{{kind}} {{cause}}"),
            ),
        ),
    ),
)

LATENCY: Final = Row(
    "Latency",
    (
        Panel(
            "Upload to final verdict",
            "From the broker's timestamp of a live upload to its final verdict; waiting in Kafka is in it.",
            "s",
            quantiles("vidsignal_upload_to_verdict_seconds", _LIVE_FINAL),
            width=6,
        ),
        *(_stage_panel(share, name) for share, name in QUANTILES),
    ),
)
