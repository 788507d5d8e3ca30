"""What a result cost."""

from __future__ import annotations

from msgspec import Struct

from schemas.identity import Seconds


class DecodeReceipt(Struct, frozen=True, kw_only=True):
    """The cost of one media session's decode; every modality that shared it carries the same receipt."""

    decode_id: str
    """Unique to one decode: distinct ids among a video's signals are the number of its decodes."""
    cpu_seconds: Seconds
    wall_seconds: Seconds
    frames_decoded: int
    frames_sampled: int
    bytes_read: int
    audio_seconds: Seconds
    coverage_ratio: float
    decode_errors: int
    decoder: str


class Receipt(Struct, frozen=True, kw_only=True):
    """The cost of one signal, its decode apart."""

    device_seconds: Seconds = 0.0
    """Time on the device, shared by items of a batch in equal parts."""
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


class Cost(Struct, frozen=True, kw_only=True):
    """Money and energy of a video, computed from receipts by a price table."""

    cpu_seconds: Seconds
    device_seconds: Seconds
    decode_cpu_seconds: Seconds
    num_decodes: int
    usd: float
    joules: float
    is_modelled: bool
    """True where the joules come from the price table and not from a meter."""
