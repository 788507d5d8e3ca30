"""What people see while weights are fetched."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from ops.assets.bars import asset_progress


def test_bytes_are_shown() -> None:
    """Which package, and how much of it is here."""
    seen = StringIO()
    with asset_progress(Console(file=seen, force_terminal=True, width=120)) as progress:
        progress("some-net==1.2", 0, 3)
        progress("some-net==1.2", 0, 3, 12_400_000)
    assert "fetching some-net==1.2  12.4 MB" in seen.getvalue()
