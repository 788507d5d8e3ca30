"""A topic that is not there is not an empty one: a wrong prefix or a missing right must not look like nothing to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.backfill.progress import backfill_offsets
from streams.kafka_clients import BrokerRefuses, partitions_of, read_to_end, require_broker
from streams.rebuild import log_ends
from streams.settings import Settings, read_settings

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
