"""Recommendation: how fresh features are, how whole records are, and what viewers do."""

from __future__ import annotations

from typing import Final

from ops.dashboards.expressions import quantile, quantiles, rate, ratio
from ops.dashboards.panels import Dashboard, Panel, Query, Row

_REPORTS: Final = 'vidsignal_engagement_kinds_total{kind="report"}'
_VIEWS: Final = 'vidsignal_engagement_kinds_total{kind="view"}'
_PRESENT: Final = 'vidsignal_decided_modalities_total{state="present"}'

_FRESHNESS: Final = Row(
    "Freshness of features",
    (
        Panel(
            "Upload to features",
            "From the broker's timestamp of a live upload to the feature record with every modality's answer.",
            "s",
            quantiles("vidsignal_upload_to_verdict_seconds", '{status="final", lane="live"}'),
        ),
        Panel(
            "Engagement in feature records",
            "Age of the latest event in a summary when the feature record with it is published. The pause between "
            "two summaries of a video is in it.",
            "s",
            quantiles("vidsignal_engagement_age_seconds"),
        ),
        Panel(
            "Engagement in Redis",
            "From the broker's timestamp of an event to its count in Redis, which online rankers read.",
            "s",
            quantiles("vidsignal_engagement_delay_seconds"),
        ),
    ),
)

_RECORDS: Final = Row(
    "Feature records",
    (
        Panel(
            "Feature records written",
            "Records confirmed on `video.recommendation`, those with fresh engagement and tombstones included.",
            "ops",
            (Query(rate('vidsignal_events_out_total{topic="video.recommendation"}'), "records"),),
        ),
        Panel(
            "Records with each modality",
            "Share of revisions whose features of a modality were there at the first decision.",
            "percentunit",
            (
                Query(
                    ratio(_PRESENT, "vidsignal_decided_modalities_total", "modality"),
                    "{{modality}}",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Lag behind features",
            "Records that wait in the roles that features come from.",
            "short",
            (Query('sum by (role) (vidsignal_consumer_lag{role=~"media|verdict|engagement"})', "{{role}}"),),
        ),
    ),
)

_ENGAGEMENT: Final = Row(
    "Engagement",
    (
        Panel(
            "Engagement events",
            "What became of them: counted, duplicates of an id, of forgotten videos, refused with a dead letter; "
            "`retried` counts batches that another worker had begun.",
            "ops",
            (Query(rate("vidsignal_engagement_events_total", "result"), "{{result}}"),),
        ),
        Panel(
            "What viewers do",
            "Counted events by kind. A kind that stops at once is a client's release, not the viewers.",
            "ops",
            (Query(rate("vidsignal_engagement_kinds_total", "kind"), "{{kind}}"),),
        ),
        Panel(
            "Reports per view",
            "Share of counted views that were reported, of all videos together; a policy acts on single videos.",
            "percentunit",
            (Query(ratio(_REPORTS, _VIEWS), "reports"),),
        ),
        Panel(
            "Time to count a batch, p50 and p95",
            "A batch is one transaction of Redis.",
            "s",
            tuple(
                Query(quantile(share, "vidsignal_engagement_batch_seconds"), name)
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ),
        ),
        Panel(
            "Summaries written",
            "Summaries that went into the log of facts; the rate per video is bounded by a setting.",
            "ops",
            (Query(rate("vidsignal_engagement_summaries_total"), "summaries"),),
        ),
        Panel(
            "Jumps to where the store stands",
            "Times that Redis stood elsewhere in the log than the consumer: another worker, or an older copy.",
            "short",
            (Query("sum(increase(vidsignal_engagement_offset_resets_total[1h]))", "an hour"),),
        ),
    ),
)

RECOMMENDATION: Final = Dashboard(
    "vidsignal-recommendation",
    "Vidsignal: recommendation",
    "How fresh features are, how whole records are, and what viewers do.",
    (_FRESHNESS, _RECORDS, _ENGAGEMENT),
)
