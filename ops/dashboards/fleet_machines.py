"""The fleet's machines: what is busy, and what it costs."""

from __future__ import annotations

from typing import Final

from ops.dashboards.expressions import QUANTILES, mean, quantile, rate, ratio
from ops.dashboards.panels import Panel, Query, Row

_DECODING: Final = 'vidsignal_stage_seconds_sum{stage="decode"}'
VIDEO_COST: Final = ratio("vidsignal_cost_usd_total", "vidsignal_video_cost_usd_count")
"""Mean cost of a video, in USD."""

BATCHES: Final = Row(
    "Batches, devices and decoders",
    (
        Panel(
            "Batch fill",
            "Rows of a batch that are items and not filler. Low fill with a busy device wastes it.",
            "percentunit",
            (
                Query(
                    f"{rate('vidsignal_batch_items_sum', 'model')} / ({rate('vidsignal_batch_items_sum', 'model')}"
                    f" + {rate('vidsignal_batch_padded_items_total', 'model')})",
                    "{{model}}",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Distinct videos in a batch",
            "Mean. One video at a time means that slots or decoders do not feed the device.",
            "short",
            (Query(mean("vidsignal_batch_videos", "model"), "{{model}}"),),
        ),
        Panel(
            "Age of the oldest item of a batch, p95",
            "How long items wait for the device.",
            "s",
            (Query(quantile(0.95, "vidsignal_batch_queue_age_seconds", "", "model"), "{{model}}"),),
        ),
        Panel(
            "Device utilisation",
            "Seconds a second that each worker's device computes. At 1 the device is the bottleneck.",
            "percentunit",
            (Query(rate("vidsignal_device_seconds_total", "instance", "device"), "{{instance}} {{device}}"),),
            highest=1,
        ),
        Panel(
            "Requests to model servers",
            "By outcome; `overloaded` and `unavailable` are sent again. Empty where no model runs on a server.",
            "ops",
            (
                Query(
                    f"{rate('vidsignal_model_server_requests_total', 'server', 'outcome')} > 0",
                    "{{server}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            "Models that wait for their server",
            "Not zero: `/readyz` of the worker names each model, its server and the reason. Their videos wait.",
            "short",
            (Query("max by (instance) (vidsignal_models_waiting) > 0", "{{instance}}"),),
        ),
        Panel(
            "Answer time of model servers, p95",
            "From request to answer, with the server's own queue.",
            "s",
            (Query(quantile(0.95, "vidsignal_model_server_seconds", "", "server"), "{{server}}"),),
        ),
        Panel(
            "Tokens of model servers",
            "Of language models, as the server counts them.",
            "short",
            (Query(rate("vidsignal_model_server_tokens_total", "server", "direction"), "{{server}} {{direction}}"),),
        ),
        Panel(
            "Captions",
            "Videos that a chat model was asked to describe, by result; only whole and cut ones have a caption.",
            "ops",
            (Query(rate("vidsignal_captions_total", "state"), "{{state}}"),),
        ),
        Panel(
            "Answers of the judge",
            "Of a chat model about labels: of uncertain scores, and of the random share.",
            "ops",
            (Query(rate("vidsignal_judge_answers_total", "asked_for", "answer"), "{{asked_for}} {{answer}}"),),
        ),
        Panel(
            "Decoder utilisation",
            "Share of the decoder processes that are at work. At 1 they are the bottleneck.",
            "percentunit",
            (
                Query(
                    f"{rate(_DECODING, 'instance')} / sum by (instance) (vidsignal_decode_processes)",
                    "{{instance}}",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Slots taken",
            "Share of the places for videos in flight. All taken with idle devices: a service is unavailable.",
            "percentunit",
            (
                Query(
                    "sum by (instance, role) (vidsignal_concurrent_videos)"
                    " / sum by (instance, role) (vidsignal_max_concurrent_videos)",
                    "{{instance}} {{role}}",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Decodes by result",
            "`ok`, or why not; `process-replaced` counts decoder processes that were started again.",
            "ops",
            (Query(f"{rate('vidsignal_decodes_total', 'result')} > 0", "{{result}}"),),
        ),
        Panel(
            "CPU by what it goes into",
            "Cores that are busy, of workers and their decoder processes together, by stage.",
            "cores",
            (Query(rate("vidsignal_cpu_seconds_total", "stage"), "{{stage}}"),),
            is_stacked=True,
        ),
        Panel(
            "CPU of workers and decoders",
            "Cores that are busy: of the worker process itself, and of its decoder processes.",
            "cores",
            (
                Query(rate('process_cpu_seconds_total{job="vidsignal"}', "instance"), "{{instance}} worker"),
                Query(rate("vidsignal_decode_cpu_seconds_total", "instance"), "{{instance}} decoders"),
            ),
        ),
        Panel(
            "Idle workers",
            "Share of the time in which a worker had no video to work on. Idle everywhere: fewer workers would do.",
            "percentunit",
            (Query(rate("vidsignal_idle_seconds_total", "instance"), "{{instance}}"),),
            highest=1,
        ),
        Panel(
            "Memory of workers",
            "Resident memory of the worker process; decoder processes are not in it.",
            "bytes",
            (Query('sum by (instance) (process_resident_memory_bytes{job="vidsignal"})', "{{instance}}"),),
        ),
    ),
)

COST: Final = Row(
    "Cost and energy",
    (
        Panel(
            "Cost per video",
            "Of videos that became final: mean, median and p95, by the price table of the settings.",
            "currencyUSD",
            (
                Query(VIDEO_COST, "mean"),
                *(
                    Query(quantile(share, "vidsignal_video_cost_usd"), name)
                    for share, name in QUANTILES
                    if name != "p99"
                ),
            ),
        ),
        Panel(
            "Cost per thousand videos",
            "The same mean, in the unit of budgets.",
            "currencyUSD",
            (Query(f"1000 * {VIDEO_COST}", "a thousand"),),
        ),
        Panel(
            "Joules per video, and per thousand",
            "Modelled from the price table where no meter can be read.",
            "joule",
            (
                Query(ratio("vidsignal_energy_joules_total", "vidsignal_video_cost_usd_count"), "a video"),
                Query(
                    f"1000 * {ratio('vidsignal_energy_joules_total', 'vidsignal_video_cost_usd_count')}", "a thousand"
                ),
            ),
        ),
    ),
)
