"""Every parser of bytes that others wrote raises only what its callers expect, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SEEDS, TARGETS


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A seed of the target with parts taken out, doubled, or replaced by whatever."""
    data = draw(st.sampled_from(SEEDS[name]))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 16)))
        data = data[:start] + draw(st.binary(max_size=8) | st.just(data[start:stop] * 2)) + data[stop:]
    return data


@pytest.mark.parametrize("name", TARGETS)
class TestTargets:
    def test_known_inputs(self, name: str) -> None:
        """Inputs that ended processes once are refused or read."""
        for seed in SEEDS[name]:
            TARGETS[name](seed)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_any_bytes(self, name: str, data: st.DataObject) -> None:
        """Bytes of no meaning, and bytes that nearly have one."""
        TARGETS[name](data.draw(mutated(name) | st.binary(max_size=200), label="bytes"))

    def test_deep_nesting(self, name: str) -> None:
        """Brackets without end are refused as anything else is."""
        for opening in (b"[", b'{"a":', b"- "):
            TARGETS[name](opening * 20_000)
