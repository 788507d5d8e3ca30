"""Verdicts that people decided, of the topic or of a file, or an exit with a message."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli.console import clean_interrupt, fail
from ops.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from schemas.outcomes import Verdict
    from streams.config.settings import Settings


def reviewed_verdicts(settings: Settings, path: Path | None) -> list[Verdict]:
    """Read the verdicts of the topic, or of a file with one JSON object a line."""
    from ops.fusion.reviewed import InvalidVerdicts, verdicts_of_file, verdicts_of_log
    from streams.kafka.clients import BrokerUnavailable

    try:
        with clean_interrupt():
            return verdicts_of_log(settings) if path is None else verdicts_of_file(path)
    except InvalidVerdicts as error:
        fail(str(error), ExitCode.USAGE)
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)
