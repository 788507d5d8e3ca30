"""Renamed metrics, labels and alerts, for the table of `docs/metrics.md`; nothing is exported twice."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RENAMED_METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "vidsignal_slots_taken": "vidsignal_concurrent_videos",
        "vidsignal_slots": "vidsignal_max_concurrent_videos",
        "vidsignal_parked_events": "vidsignal_deferred_events",
        "vidsignal_parking_places": "vidsignal_max_deferred_events",
        "vidsignal_backfill_held": "vidsignal_backfill_yielding",
        "vidsignal_engagement_seeks_total": "vidsignal_engagement_offset_resets_total",
        "vidsignal_videos_forgotten_total": "vidsignal_videos_deleted_total",
        "vidsignal_broker_facts_known": "vidsignal_broker_offsets_known",
    }
)
RENAMED_LABELS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("vidsignal_decisions_total", "was"): "previous_action",
        ("vidsignal_decisions_total", "by"): "decided_by",
        ("vidsignal_retries_total", "what"): "reason",
    }
)
RENAMED_LABEL_VALUES: Final[Mapping[tuple[str, str, str], str]] = MappingProxyType(
    {("vidsignal_overdue_events", "stage", "parked"): "deferred"}
)
RENAMED_ALERTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "VidsignalParkingFull": "VidsignalDeferredEventsFull",
        "VidsignalBrokerAway": "VidsignalBrokerUnavailable",
        "VidsignalStoreAway": "VidsignalStoreUnavailable",
        "VidsignalOriginAway": "VidsignalOriginUnavailable",
        "VidsignalNoPlace": "VidsignalRoleUnassigned",
        "VidsignalPartitionStands": "VidsignalPartitionStalled",
        "VidsignalStoreJumps": "VidsignalEngagementOffsetResets",
        "VidsignalLagGrows": "VidsignalLagIncreasing",
        "VidsignalCostJumps": "VidsignalCostIncreased",
        "VidsignalReviewLoadJumps": "VidsignalReviewLoadIncreased",
        "VidsignalDecodersDie": "VidsignalDecoderFailures",
        "VidsignalModalityFails": "VidsignalModalityFailures",
        "VidsignalUnhealthyDeadLetters": "VidsignalInternalDeadLetters",
    }
)


def renamed() -> list[tuple[str, str]]:
    """Return former and present name of each, as dashboards and alert rules write them."""
    metrics = list(RENAMED_METRICS.items())
    labels = [(f"{metric}{{{former}}}", f"{metric}{{{label}}}") for (metric, former), label in RENAMED_LABELS.items()]
    values = [
        (f'{metric}{{{label}="{former}"}}', f'{metric}{{{label}="{value}"}}')
        for (metric, label, former), value in RENAMED_LABEL_VALUES.items()
    ]
    return [*metrics, *labels, *values, *RENAMED_ALERTS.items()]
