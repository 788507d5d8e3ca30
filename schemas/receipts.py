"""What a result cost."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.identity import Seconds

CpuStage = Literal["fetch", "index", "decode", "operators", "device", "overhead"]
"""Where the CPU time of a video goes."""

CPU_STAGES: tuple[CpuStage, ...] = ("fetch", "index", "decode", "operators", "device", "overhead")
"""In the order of processing; `docs/costs.md` describes them."""


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much of one modality a decode yielded; ratios in [0, 1]."""

    planned_ratio: float
    """Of the announced timeline, what was to be looked at."""
    achieved_ratio: float
    """Of that, what was decoded and given to operators."""
    length_ratio: float
    """Of the announced length, what can be reached in the file."""
    intact_ratio: float
    """Of the packets that were read, those that the codec took without complaint."""
    num_packets: int = 0
    """That were read and are shown in what was planned."""
    num_damaged: int = 0
    """Packets that the codec refused or complained about."""
    num_discarded: int = 0
    """Pictures that were decoded and left out, because their time was not after that of the one before."""

    @property
    def seen_ratio(self) -> float:
        """Of the announced length, what came out whole: a little cut off and a little damaged add up."""
        return self.length_ratio * min(self.achieved_ratio, self.intact_ratio)


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
    """Of the worker's event loop, beside `cpu_seconds`: opening the media and fetching what was asked for."""
    bytes_fetched: int = 0
    """What came over a network; it is `bytes_read`, too, where it is not 0."""
    video: Seen | None = None
    """None where there are no pictures, and in receipts of releases that did not count; likewise the next."""
    audio: Seen | None = None


class ModelReceipt(Struct, frozen=True, kw_only=True):
    """A model's part in the cost of one signal."""

    items: int
    device_seconds: Seconds
    cpu_seconds: Seconds


class MeasuredPower(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What meters of the machine said while a signal was made; absent where there is none that may be read."""

    watts_per_cpu_core: float | None = None
    """Energy of the processor packages over the busy time of all cores, ours and others'."""
    watts_per_device: float | None = None
    """Energy of the accelerator over the time that it worked for us."""


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cost of one signal, its decode apart. Fields at their default are left out."""

    device_seconds: Seconds = 0.0
    """Time on the device, shared by items of a batch in equal parts; on a CPU core seconds."""
    device_cpu_seconds: Seconds | None = None
    """CPU time of the threads that computed it or drove the device, shared alike; None in receipts that did not
    measure it."""
    cpu_seconds: Seconds = 0.0
    """Host time of the operators beside the device."""
    wall_seconds: Seconds = 0.0
    items: int = 0
    """Model inputs: frames, windows or texts."""
    batch_items_mean: float = 0.0
    """Mean batch size that these items rode in."""
    batch_videos_mean: float = 0.0
    """Mean distinct videos in those batches."""
    decode: DecodeReceipt | None = None
    overhead_cpu_seconds: Seconds = 0.0
    """Share of what the worker used, while videos were worked on, for all of them together: event loop, clients,
    metrics, and whatever else runs in the process."""
    models: dict[str, ModelReceipt] = {}
    """By name: which model the items, device seconds and CPU seconds went into."""
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
    """True where the joules come from the price table and not from a meter, be it in part."""
    cpu_seconds_by_stage: dict[CpuStage, Seconds] = {}
    """All CPU time, shared parts included; the other fields above name some of it."""
    bytes_read: int = 0
    batch_items_mean: float = 0.0
    """Mean batch size that the video's items rode in."""
