"""A worker with planted bugs that single events meet: `python -m tests.breaking_worker`, settings as ever.

Intake is killed by each upload whose id begins with `deadly`. While a media root holds a file `decoding-is-broken`,
every decode raises what nobody expects.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from schemas.uploads import DeletionRequested, VideoUploaded
from streams.config.settings import read_settings
from streams.intake import intake
from streams.record import Record
from streams.worker.worker import run_worker

if TYPE_CHECKING:
    from streams.analysis.engine import EngineOptions

BREAKING_WORKER = (sys.executable, "-m", "tests.breaking_worker")
BROKEN_MARK = "decoding-is-broken"

_read_upload = intake.read_upload


def read_or_die(record: Record) -> VideoUploaded | DeletionRequested:
    """Die as a crash in native code does, where the upload reports it."""
    if (record.key or b"").startswith(b"deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    return _read_upload(record)


def breaking_options() -> EngineOptions:
    """The usual engine, but for its decoder."""
    from streams.analysis.engine import EngineOptions

    marks = [str(root / BROKEN_MARK) for root in read_settings().media_roots]
    return EngineOptions(decoder_command=(sys.executable, "-m", "tests.breaking_decoder", ":".join(marks)))


if __name__ == "__main__":
    intake.read_upload = read_or_die
    sys.exit(run_worker(read_settings(), breaking_options))
