"""The collector rests while modules are imported, and only then."""

from __future__ import annotations

import gc

import pytest

from streams.lifecycle.collector import collector_paused


def test_rests_inside_and_works_afterwards() -> None:
    """Also where what is inside fails."""
    gc.enable()
    with pytest.raises(ImportError), collector_paused():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()
    gc.unfreeze()


def test_stays_off_where_it_was_off() -> None:
    """Somebody else decided that."""
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
