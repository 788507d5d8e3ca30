"""The same media work with models on accelerators instead of cores."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sizing.bill import core_joules
from ops.sizing.profile import Profile
from ops.sizing.rate import DAY_SECONDS
from ops.sizing.workers import up


@dataclass(frozen=True, slots=True)
class Accelerators:
    """Accelerators that replace the media workers."""

    number: int
    bound_by: str
    """`accelerator` or `host cores`: the limit that is reached first."""
    seconds_per_video: float
    """Seconds of an accelerator."""
    host_cpu_seconds_per_video: float
    """Decoding and everything else that stays on cores."""
    host_cores: int
    is_modelled: bool
    """True if no accelerator was measured."""
    usd_per_day: float
    joules_per_day: float
    """Of accelerators and their hosts, including the data centre's overhead; the money is without it."""


def accelerators_for(profile: Profile, videos_per_second: float) -> Accelerators:
    """Return accelerators with one worker each, and the host cores."""
    speed = profile["accelerator_speed_ratio"]
    model_seconds = profile["media_model_cpu_seconds_per_video"]
    device_seconds = model_seconds / speed
    host_seconds = max(1e-9, profile["media_cpu_seconds_per_video"] - model_seconds)
    cores = profile["accelerator_host_cores"]
    by_device = 1 / device_seconds if device_seconds else float("inf")
    by_host = cores * profile["media_cores_busy_ratio"] / host_seconds
    peak = videos_per_second * profile["peak_ratio"]
    number = up(peak / (min(by_device, by_host) * profile["utilisation"]))
    hourly = profile["usd_per_accelerator_hour"] + cores * profile["usd_per_core_hour"]
    return Accelerators(
        number=number,
        bound_by="accelerator" if by_device < by_host else "host cores",
        seconds_per_video=device_seconds,
        host_cpu_seconds_per_video=host_seconds,
        host_cores=int(number * cores),
        is_modelled=profile.figures["accelerator_speed_ratio"].origin != "measured",
        usd_per_day=number * hourly * 24,
        joules_per_day=profile["building_ratio"]
        * (
            videos_per_second * DAY_SECONDS * device_seconds * profile["watts_per_accelerator"]
            + core_joules(profile, number * cores, videos_per_second * DAY_SECONDS * host_seconds)
        ),
    )
