"""A topic that is not there is not an empty one: a wrong prefix or a missing right must not look like nothing to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from streams.backfill.progress import backfill_offsets
from streams.config.settings import Settings, read_settings
from streams.kafka.clients import BrokerRefuses, partitions_of, read_to_end, require_broker
from streams.recovery.rebuild import log_ends

READERS: dict[str, Callable[[Settings], object]] = {
    "video.moderation": lambda settings: list(read_to_end(settings, ["elsewhere.video.moderation"])),
    "video.signals": log_ends,
    "video.backfill": backfill_offsets,
    "video.uploaded": lambda settings: partitions_of(require_broker(settings), "elsewhere.video.uploaded"),
}


@pytest.mark.parametrize("topic", READERS)
def test_is_an_error_that_names_it(kafka: str, topic: str) -> None:
    """Commands end with what to look at, and not with zero findings."""
    elsewhere = read_settings(kafka_bootstrap_servers=kafka, topic_prefix="elsewhere.")
    with pytest.raises(BrokerRefuses, match=rf"shows no topic elsewhere\.{topic}: .* prefix"):
        READERS[topic](elsewhere)


def test_nobody_watches_for_ever_what_is_not_there(kafka: str) -> None:
    """`watch` ends, too: it would stay silent whatever happened."""
    environment = {"VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": kafka, "VIDSIGNAL_TOPIC_PREFIX": "elsewhere."}
    told = CliRunner().invoke(app, ["watch"], env=environment)
    assert told.exit_code == ExitCode.UNAVAILABLE
    assert "shows no topic elsewhere.video.signals" in " ".join(told.stderr.split())
