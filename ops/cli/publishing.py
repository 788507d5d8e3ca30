"""What every publishing command does with the broker's answer."""

from __future__ import annotations

from collections.abc import Iterable

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable
from streams.kafka.confirmed_publishing import CONFIRM_SECONDS, OutgoingRecord, publish_confirmed


def publish_or_exit(
    settings: Settings, records: Iterable[OutgoingRecord], timeout_seconds: float = CONFIRM_SECONDS
) -> int:
    """Publish records and return their number; exits with the code for an unavailable broker if one is not
    confirmed."""
    try:
        return publish_confirmed(settings, records, timeout_seconds=timeout_seconds)
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)
