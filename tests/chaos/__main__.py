"""`python -m tests.chaos`: hurt a whole Vidsignal, and say what came of it; exit code 1 where anything is wrong."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults.registry import FAULTS
from tests.chaos.options import MediaForm, Options
from tests.chaos.run import run_chaos
from tests.chaos.stock.run import run_stock
from tests.chaos.timeline import tell_stderr
from tests.chaos.traffic.traffic import Rates


def options_of(words: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides schedule and traffic")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=30.0, help="within which the faults strike")
    parser.add_argument("--media", choices=("real", "stand-in"), default="real")
    parser.add_argument("--stock", action="store_true", help="stock Faust instead, at the stand-in's work")
    parser.add_argument("--uploads-per-second", type=float, default=None)
    parser.add_argument("--kind", action="append", default=[], choices=sorted(FAULTS), help="only these kinds of fault")
    parser.add_argument("--out", type=Path, default=None, help="folder for report, timeline and logs")
    found = parser.parse_args(words)
    media: MediaForm = "stand-in" if found.stock else found.media
    is_real = media == "real"
    uploads_per_second = found.uploads_per_second or (0.3 if is_real else 1.0)
    return Options(
        seed=found.seed,
        num_faults=found.faults,
        minutes=found.minutes,
        media=media,
        out=found.out or Path(tempfile.gettempdir()) / "vidsignal-chaos" / f"seed-{found.seed}",
        is_stock=found.stock,
        kinds=tuple(found.kind),
        rates=Rates(uploads_per_second, 8.0 * uploads_per_second, backfill_share=0.04 if is_real else 0.0),
    )


def main() -> int:
    """Run, print the table, and return the exit code."""
    options = options_of(sys.argv[1:])
    if options.is_stock:
        sys.stdout.write(f"{run_stock(options, tell_stderr).to_text()}\n")
        return 0
    report = run_chaos(options, tell_stderr)
    sys.stdout.write(f"{report.to_text()}\n\nreport, timeline and logs: {options.out}\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
