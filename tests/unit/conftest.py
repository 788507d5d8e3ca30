"""What all unit tests share: properties are tried on the same examples in every run, however slow the machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A pause of the machine in one example would break a deadline, and an example that nobody met before would fail a run
# that changed nothing. Anyone who looks for new examples runs pytest with --hypothesis-profile=default.
settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
