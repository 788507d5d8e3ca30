"""Number of cells: each has one Redis primary, its topics, and a limited number of workers per group."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sizing.profile import Profile
from ops.sizing.quantity import InvalidProfile
from ops.sizing.store_memory import StoreMemory
from ops.sizing.workers import Workers, up

LEAST_LIGHT_WORKERS = 2
"""Per role in a cell, so that one may be lost or replaced."""
_LEAST_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Cells:
    """The fleet as equal cells."""

    number: int
    bound_by: str
    """The limit that determines their number."""
    asked_by: dict[str, float]
    """Number of cells that each limit requires, not rounded."""
    media_workers: int
    """Per cell, including spares; the same applies to the next field."""
    light_workers: dict[str, int]
    partitions: int
    """Per topic of one cell, the same for all so that a video keeps its partition number."""
    videos_per_second: float
    """Daily mean in one cell."""
    redis_bytes: float
    """Data of one cell's primary."""

    @property
    def all_media_workers(self) -> int:
        """Total of the fleet."""
        return self.number * self.media_workers

    @property
    def all_light_workers(self) -> int:
        """Total of the fleet, all light roles together; one core each."""
        return self.number * sum(self.light_workers.values())


def cells_for(profile: Profile, videos_per_second: float, workers: Workers, memory: StoreMemory) -> Cells:
    """Return as many cells as the strictest limit requires."""
    room = profile["workers_per_cell"] - profile["spare_workers"]
    if room < 1:
        raise InvalidProfile(
            f"spare_workers is {profile['spare_workers']:g} and workers_per_cell {profile['workers_per_cell']:g}; "
            "the first must be smaller"
        )
    asked = {
        "media workers": workers.media / room,
        **{f"{role} workers": cores / room for role, cores in workers.light_cores.items()},
        **_asked_by_redis(profile, videos_per_second, memory),
    }
    bound_by = max(asked, key=lambda reason: asked[reason])
    number = up(asked[bound_by])
    spare = int(profile["spare_workers"])
    media = up(workers.media / number) + spare
    light = {role: max(LEAST_LIGHT_WORKERS, up(cores / number)) for role, cores in workers.light_cores.items()}
    largest = max(media, *light.values())
    return Cells(
        number=number,
        bound_by=bound_by,
        asked_by=asked,
        media_workers=media,
        light_workers=light,
        partitions=max(_LEAST_PARTITIONS, up(largest * profile["partitions_per_worker"])),
        videos_per_second=videos_per_second / number,
        redis_bytes=memory.total_bytes / number,
    )


def _asked_by_redis(profile: Profile, videos_per_second: float, memory: StoreMemory) -> dict[str, float]:
    shards = profile["redis_shards_per_cell"]
    return {
        "Redis memory": memory.total_bytes / (shards * profile["redis_cell_bytes"] * profile["redis_fill_ratio"]),
        "Redis commands": videos_per_second * profile["peak_ratio"] / (shards * profile["redis_videos_per_second"]),
    }
