"""The fleet's trouble: what goes wrong, and who runs what."""

from __future__ import annotations

from typing import Final

from ops.dashboards.expressions import WINDOW, increase, rate
from ops.dashboards.panels import Panel, Query, Row

TROUBLE: Final = Row(
    "Trouble",
    (
        Panel(
            "Dead letters by cause",
            "`media-*` and `event-*` are the producers' affair; `crash-loop` and faults of devices or models ours.",
            "short",
            (Query(f"{increase('vidsignal_dead_letters_total', WINDOW, 'cause')} > 0", "{{cause}}"),),
            is_stacked=True,
        ),
        Panel(
            "Unexpected errors and roles that paused",
            "Unexpected errors, by role and boundary, and roles that paused at the limit on dead letters.",
            "short",
            (
                Query(
                    f"{increase('vidsignal_internal_errors_total', WINDOW, 'boundary')} > 0",
                    "{{boundary}}",
                ),
                Query("sum by (role) (vidsignal_role_paused) > 0", "{{role}} paused"),
            ),
        ),
        Panel(
            "Waits for unavailable services",
            "Attempts that met an unavailable Redis or media origin, an overloaded model, or a full producer queue.",
            "ops",
            (Query(rate("vidsignal_retries_total", "reason"), "{{reason}}"),),
        ),
        Panel(
            "Oldest record that is not confirmed",
            "How long it waits for the broker. It grows while Kafka is unavailable; everything waits with it.",
            "s",
            (Query("max by (instance) (vidsignal_oldest_unconfirmed_record_seconds)", "{{instance}}"),),
        ),
        Panel(
            "Deferred videos and open breakers",
            "Videos that wait outside the slots for their origin, and origins that do not answer.",
            "short",
            (
                Query("sum(vidsignal_deferred_events)", "deferred"),
                Query("sum(vidsignal_source_breakers_open)", "open breakers"),
            ),
        ),
        Panel(
            "Media fetched",
            "Bytes a second from URLs and object stores; files are read where they are.",
            "Bps",
            (Query(rate("vidsignal_source_bytes_total", "kind"), "{{kind}}"),),
        ),
        Panel(
            "Device faults",
            "Faults that made a fresh runner necessary, and batch sizes that a device may not run, by model.",
            "short",
            (
                Query(increase("vidsignal_device_faults_total", "10m", "model"), "{{model}}"),
                Query("sum by (model) (vidsignal_refused_buckets_total > 0)", "refused {{model}}"),
            ),
        ),
        Panel(
            "Overdue events",
            "Events that are worked on for longer than the limit, by what they are at.",
            "short",
            (Query("sum by (role, stage) (vidsignal_overdue_events)", "{{role}} {{stage}}"),),
        ),
        Panel(
            "Starts of workers",
            "How often each worker's process began within the hour. Exit codes and stacks are in its log.",
            "short",
            (Query('changes(process_start_time_seconds{job="vidsignal"}[1h])', "{{instance}}"),),
        ),
        Panel(
            "Lost records and audit findings",
            "Both stay at zero: records that expired before they were read, and videos whose topics and store differ.",
            "short",
            (
                Query(increase("vidsignal_records_lost_total", "1h", "role"), "lost {{role}}"),
                Query(increase("vidsignal_audit_findings_total", "1h", "problem"), "{{problem}}"),
            ),
        ),
        Panel(
            "Videos in a gap",
            "Videos whose facts wait because one could not be folded, and gaps that were opened and closed of late.",
            "short",
            (
                Query("max(vidsignal_videos_in_gap)", "waiting"),
                Query(increase("vidsignal_gaps_opened_total", "1h", "cause"), "opened {{cause}}"),
                Query("sum(increase(vidsignal_gaps_closed_total[1h]))", "closed"),
            ),
        ),
        Panel(
            "What could not be read",
            "Errors over one video, records of our own topics that were passed over, and Redis keys of another type.",
            "short",
            (
                Query(increase("vidsignal_fold_faults_total", "1h", "step"), "fault {{step}}"),
                Query(increase("vidsignal_records_unreadable_total", "1h", "topic"), "unreadable {{topic}}"),
                Query(increase("vidsignal_store_keys_removed_total", "1h", "key"), "removed {{key}}"),
            ),
        ),
        Panel(
            "Replays answered from claims",
            "Signals that were not computed again, because their bytes were kept. A rebalance makes some.",
            "ops",
            (Query(rate("vidsignal_claims_reused_total", "modality"), "{{modality}}"),),
        ),
    ),
)

WHO: Final = Row(
    "Who runs",
    (
        Panel(
            "Workers by role, version and device",
            "Two versions at once are fine while a rollout lasts.",
            "short",
            (Query("sum by (role, version, device) (vidsignal_build_info)"),),
            "table",
            12,
        ),
        Panel(
            "Spans of traces",
            "Spans that the collector took or that were dropped; nothing where tracing is off.",
            "ops",
            (Query(rate("vidsignal_trace_spans_total", "result"), "{{result}}"),),
            width=12,
        ),
    ),
)
