"""Sums of pieces: in total, and by market, creator, modality, model or stage."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ops.costs.pieces import Grouping, Piece
from schemas.receipts import CPU_STAGES, CpuStage


class Sums(Struct, frozen=True, kw_only=True):
    """Sum of some pieces."""

    name: str
    num_videos: int
    """Number of videos that have a piece in it."""
    cpu_seconds: float
    device_seconds: float
    bytes_read: int
    usd: float
    joules: float
    usd_by_stage: dict[CpuStage, float]


class RollUp(Struct, frozen=True, kw_only=True):
    """Costs of the videos in the log."""

    grouping: Grouping
    total: Sums
    groups: tuple[Sums, ...]
    """The most expensive first; they add up to the total."""
    modelled_joules: float
    """The part of the joules that is from a price table, and not from a meter."""

    def per_video(self, figure: float) -> float:
        """Return a figure of the total per video."""
        return figure / max(1, self.total.num_videos)


def roll_up(pieces: Sequence[Piece], grouping: Grouping) -> RollUp:
    """Add up."""
    groups: defaultdict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        groups[piece.names[grouping]].append(piece)
    sums = [_sums(name, found) for name, found in groups.items()]
    return RollUp(
        grouping=grouping,
        total=_sums("total", pieces),
        groups=tuple(sorted(sums, key=lambda each: (-each.usd, each.name))),
        modelled_joules=math.fsum(piece.joules for piece in pieces if piece.is_modelled),
    )


def _sums(name: str, pieces: Sequence[Piece]) -> Sums:
    return Sums(
        name=name,
        num_videos=len({piece.video_id for piece in pieces}),
        cpu_seconds=math.fsum(piece.cpu_seconds for piece in pieces),
        device_seconds=math.fsum(piece.device_seconds for piece in pieces),
        bytes_read=sum(piece.bytes_read for piece in pieces),
        usd=math.fsum(piece.usd for piece in pieces),
        joules=math.fsum(piece.joules for piece in pieces),
        usd_by_stage=_usd_by_stage(pieces),
    )


def _usd_by_stage(pieces: Iterable[Piece]) -> dict[CpuStage, float]:
    sums: dict[CpuStage, float] = dict.fromkeys(CPU_STAGES, 0.0)
    for piece in pieces:
        sums[piece.stage] += piece.usd
    return sums
