"""Logs keep secrets and calm storms."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from streams.logs import StormFilter, configure_logs, hide_secrets


class TestHideSecrets:
    @pytest.mark.parametrize("name", ["redis_url", "kafka_sasl_password", "access_token"])
    def test_hides_by_name(self, name: str) -> None:
        """Values whose name sounds secret never reach a log."""
        assert hide_secrets(None, "info", {name: "hunter2", "event": "x"}) == {name: "(hidden)", "event": "x"}


class TestStormFilter:
    def test_lets_a_few_equal_messages_through(self) -> None:
        """A broker that is away repeats itself; each minute a few of the same are enough."""
        now = [0.0]
        storm = StormFilter(limit=2, seconds=60, monotonic_seconds=lambda: now[0])
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, "no broker %s", ("a",), None)
        assert [storm.filter(record) for _ in range(4)] == [True, True, False, False]
        now[0] = 60.0
        assert storm.filter(record) is True

    def test_tells_messages_apart(self) -> None:
        """One storm does not hide another message."""
        storm = StormFilter(limit=1, seconds=60, monotonic_seconds=lambda: 0.0)
        messages = [logging.LogRecord("aiokafka", logging.ERROR, "", 0, text, (), None) for text in ("a", "b")]
        assert [storm.filter(record) for record in messages] == [True, True]


class TestConfigureLogs:
    def test_json_lines_carry_the_video(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A log line in JSON names the video that is bound to the task."""
        handlers, level = logging.getLogger().handlers, logging.getLogger().level
        try:
            configure_logs("json", "info")
            with structlog.contextvars.bound_contextvars(video_id="v1"):
                structlog.get_logger("test").info("something", number=1)
            lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "something" in line]
            assert [(line["video_id"], line["event"], line["number"]) for line in lines] == [("v1", "something", 1)]
        finally:
            logging.getLogger().handlers = handlers
            logging.getLogger().setLevel(level)
            structlog.reset_defaults()
