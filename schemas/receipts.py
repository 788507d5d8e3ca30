"""Costs of a result."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.identity import Seconds

CpuStage = Literal["fetch", "index", "decode", "operators", "device", "overhead"]
"""Stages of a video's CPU time."""

CPU_STAGES: tuple[CpuStage, ...] = ("fetch", "index", "decode", "operators", "device", "overhead")
"""In the order of processing; `docs/costs.md` describes them."""


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Coverage of one modality in a decode; ratios in [0, 1]."""

    planned_ratio: float
    """Planned share of the announced timeline."""
    achieved_ratio: float
    """Share of the plan that was decoded and given to operators."""
    length_ratio: float
    """Of the announced length, what can be reached in the file."""
    intact_ratio: float
    """Of the packets that were read, those that the codec took without complaint."""
    num_packets: int = 0
    """That were read and are shown in what was planned."""
    num_damaged: int = 0
    """Packets that the codec rejected or reported errors for."""
    num_discarded: int = 0
    """Decoded pictures that were left out, because their time was not after that of the previous one."""
    num_lost: int = 0
    """Of the damaged packets, those whose loss `achieved_ratio` includes."""
    lead_ratio: float = 0.0
    """Of the pictures, those ahead of the first keyframe of a recording: nobody can decode them, so they are not
    planned."""

    @property
    def seen_ratio(self) -> float:
        """Of all that is announced and there, what came out whole: losses of different kinds multiply."""
        concealed_ratio = (self.num_damaged - self.num_lost) / max(1, self.num_packets)
        whole_ratio = min(self.intact_ratio, self.achieved_ratio * (1 - concealed_ratio))
        return (1 - self.lead_ratio) * self.length_ratio * whole_ratio


class DecodeReceipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cost of one media session's decode; every modality that shared it carries the same receipt."""

    decode_id: str
    """Unique to one decode: distinct ids among a video's signals are the number of its decodes."""
    cpu_seconds: Seconds
    """Of the decoder process, reading the index included."""
    wall_seconds: Seconds
    frames_decoded: int
    frames_sampled: int
    bytes_read: int
    audio_seconds: Seconds
    coverage_ratio: float
    decode_errors: int
    decoder: str
    index_cpu_seconds: Seconds = 0.0
    """The part of `cpu_seconds` that read the container's index and planned."""
    fetch_cpu_seconds: Seconds = 0.0
    """Of the worker's event loop, in addition to `cpu_seconds`: opening the media and fetching requested ranges."""
    bytes_fetched: int = 0
    """Bytes that were received over a network; if it is not 0, it is also `bytes_read`."""
    video: Seen | None = None
    """None without pictures, and in receipts of releases that did not count; the same applies to the next field."""
    audio: Seen | None = None


class ModelReceipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model's share in the cost of one signal."""

    items: int
    device_seconds: Seconds
    cpu_seconds: Seconds
    mode: str = ""
    """Engine and precision, such as `torch-bfloat16`; empty in receipts that did not state it."""
    host: str = ""
    """`host:port` of the server that got the items; empty if none left the worker."""
    server_seconds: Seconds = 0.0
    """From request to answer, divided among the items of a request; requests overlap."""
    input_tokens: int = 0
    """Of a language model, as its server counts them; the same applies to the next field."""
    output_tokens: int = 0


class MeasuredPower(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Power by the machine's meters while a signal was computed; absent without a readable meter."""

    watts_per_cpu_core: float | None = None
    """Energy of the processor packages divided by the busy time of all cores, ours and others'."""
    watts_per_device: float | None = None
    """Energy of the accelerator divided by the time that it worked for this process."""


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cost of one signal, without its decode. Fields at their default are left out."""

    device_seconds: Seconds = 0.0
    """Time on the device, divided equally among the items of a batch; on a CPU core seconds."""
    device_cpu_seconds: Seconds | None = None
    """CPU time of the threads that computed it or drove the device, divided likewise; None in receipts that did not
    measure it."""
    cpu_seconds: Seconds = 0.0
    """Host time of the operators, without the device."""
    wall_seconds: Seconds = 0.0
    items: int = 0
    """Model inputs: frames, windows or texts."""
    batch_items_mean: float = 0.0
    """Mean batch size of these items."""
    batch_videos_mean: float = 0.0
    """Mean number of distinct videos in those batches."""
    decode: DecodeReceipt | None = None
    overhead_cpu_seconds: Seconds = 0.0
    """Share of the worker's CPU time that all videos in progress use together: event loop, clients, metrics, and
    everything else in the process."""
    models: dict[str, ModelReceipt] = {}
    """By name: the model's items, device seconds and CPU seconds."""
    power: MeasuredPower = MeasuredPower()


class Cost(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money and energy of a video, computed from receipts by a price table."""

    cpu_seconds: Seconds
    device_seconds: Seconds
    decode_cpu_seconds: Seconds
    num_decodes: int
    usd: float
    joules: float
    is_modelled: bool
    """True if some of the joules are from the price table and not from a meter."""
    cpu_seconds_by_stage: dict[CpuStage, Seconds] = {}
    """All CPU time, shared parts included; other fields contain parts of it."""
    bytes_read: int = 0
    batch_items_mean: float = 0.0
    """Mean batch size of the video's items."""
    cpu_seconds_by_model: dict[str, Seconds] = {}
    """Of this, the CPU time of each model."""
    input_tokens: int = 0
    """Of language models on servers; the same applies to the next field."""
    output_tokens: int = 0
