"""`vidsignal demo`: the whole pipeline on this machine, with nothing but Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    paths: Annotated[list[Path] | None, typer.Argument(help="Your own files; the sample clips by default.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, and say where to look.")] = False,
) -> None:
    """Start a broker, Redis 8 and a worker, publish real clips, and show their results.

    Everything runs on free loopback ports and is stopped at the end.
    """
    from ops.cli.demo_walk import walk

    walk(paths, is_kept=keep)
