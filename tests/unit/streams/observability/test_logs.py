"""Logs keep secrets and calm storms."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from mode.utils.logging import flight_recorder

from streams.observability.logs import StormFilter, configure_logs, hide_secrets


class TestHideSecrets:
    @pytest.mark.parametrize("name", ["redis_url", "kafka_sasl_password", "access_token"])
    def test_hides_by_name(self, name: str) -> None:
        """Values whose name sounds secret never reach a log."""
        assert hide_secrets(None, "info", {name: "hunter2", "event": "x"}) == {name: "(hidden)", "event": "x"}


class TestStormFilter:
    def test_lets_a_few_equal_messages_through(self) -> None:
        """A broker that is unavailable repeats itself; each minute a few of the same are enough."""
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


Said = Callable[[], list[dict[str, Any]]]


@contextmanager
def json_logs(capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    """Our logs in JSON; what was said is read once."""
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    try:
        configure_logs("json", "info")
        yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        logging.getLogger().handlers = handlers
        logging.getLogger().setLevel(level)
        structlog.reset_defaults()


class TestLibraries:
    async def test_a_slow_rebalance_is_one_line_in_our_words(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Faust's own recorder of slow rebalances gives one line that says what goes on."""
        with json_logs(capsys) as said:
            with flight_recorder(logging.getLogger("faust.app.base"), timeout=0.01) as recorder:
                recorder.info("consumer.wait_empty()")
                while recorder._fut is not None and not recorder._fut.done():
                    await asyncio.sleep(0.01)
            [line] = said()
        assert (line["level"], line["event"].split(":")[0]) == ("info", "rebalance takes nearly a session timeout")

    @pytest.mark.parametrize("name", ["faust.agents.agent", "mode.threads"])
    @pytest.mark.parametrize("level", ["warning", "error"])
    def test_faust_says_nothing_above_info(self, capsys: pytest.CaptureFixture[str], name: str, level: str) -> None:
        """Its lines name neither role nor consequence; an error keeps its stack, and a critical one its level."""
        logger = logging.getLogger(name)
        with json_logs(capsys) as said:
            try:
                raise OSError("no route")
            except OSError:
                getattr(logger, level)("[^App]: Crashed reason=%r", "x", exc_info=True)
            logger.critical("[^App]: out of memory")
            line, critical = said()
        assert (line["level"], critical["level"]) == ("info", "critical")
        assert ("exception" in line) == (level == "error")

    def test_faust_says_nothing_where_info_is_not_wanted(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The level of the settings holds for what became an info; other libraries' warnings are said."""
        with json_logs(capsys) as said:
            logging.getLogger().setLevel(logging.WARNING)
            logging.getLogger("mode.threads").error("[^Thread]: something")
            logging.getLogger("aiokafka").warning("something else")
            assert [line["event"] for line in said()] == ["something else"]

    def test_a_slow_thread_of_faust_is_no_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        """On a machine that is merely slow, its thread repeats this line every few seconds; nothing follows from it."""
        with json_logs(capsys) as said:
            logging.getLogger("mode.threads").error("[^--MethodQueue]: Thread keepalive is not responding...")
            assert said() == []

    def test_what_says_nothing_is_left_out(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Other words of the same logger are not."""
        logger = logging.getLogger("faust.app.base")
        with json_logs(capsys) as said:
            logger.warning("[^App]: Missing sensor state for rebalance #%s", 3)
            logger.warning("[^App]: Missing sensor state for rebalance end #%s", 3)
            logger.warning("[^App]: something else %s", 3)
            assert [line["event"] for line in said()] == ["[^App]: something else 3"]

    def test_stacks_belong_to_errors(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A warning of a library names its cause in its line, an error keeps its stack, and so do our own warnings."""
        with json_logs(capsys) as said:
            for name, level in (("aiokafka", "warning"), ("aiokafka", "error"), ("streams.x", "warning")):
                try:
                    raise OSError("no route")
                except OSError:
                    getattr(logging.getLogger(name), level)("lost %s", "broker", exc_info=True)
            warning, error, ours = said()
        assert (warning["event"], "exception" in warning) == ("lost broker: OSError('no route')", False)
        assert "Traceback" in error["exception"] and "Traceback" in ours["exception"]


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
