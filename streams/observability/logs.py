"""Structured logs: with the video they concern, without secrets, and with a limit on repeated library messages."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import structlog

_SECRET_WORDS: Final = ("password", "secret", "token", "redis_url", "credentials")
_NOISY_LOGGERS: Final = ("aiokafka", "faust", "mode", "kafka", "asyncio", "opentelemetry", "urllib3")
_INFO_AT_MOST: Final = ("faust", "mode")
"""Loggers whose warnings and errors name neither role nor consequence. Our own messages cover their causes: the
watchdog reports a stalled role, `streams.lifecycle.fatal_error` an error that ends the worker."""
_SAYS_NOTHING: Final = (
    "Thread keepalive is not responding",  # our own thread sends the group's heartbeats
    "Please make sure it's hanging before restart",
    "Missing sensor state for rebalance",
    "Replaying logs...",
    "-End of log-",
    "] Task traceback",
)
"""Messages that Faust logs at every interrupted or slow rebalance."""
_REPHRASED: Final = {
    "Warning: Task timed out!": "rebalance takes nearly a session timeout: events are drained, or the broker is slow"
}
_STORM_LIMIT: Final = 10
_STORM_SECONDS: Final = 60.0


def configure_logs(log_format: Literal["console", "json"], level: str) -> None:
    """Send all logs of this process to standard error, ours and those of libraries."""
    chain = _shared_processors()
    is_json = log_format == "json"
    renderer = (
        structlog.processors.JSONRenderer()
        if is_json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=chain,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_exceptions(log_format), renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    _calm_libraries()


def _shared_processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]


def _exceptions(log_format: str) -> list[Any]:
    return [structlog.processors.format_exc_info] if log_format == "json" else []


def hide_secrets(_logger: Any, _method: str, event: Any) -> Any:
    """Replace values whose name indicates a secret; a structlog processor."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "(hidden)"
    return event


class StormFilter(logging.Filter):
    """Limits equal messages per minute and logger; an unavailable broker causes many.

    Args:
        limit: messages of one template within the window.
        seconds: length of the window.
        monotonic_seconds: the clock.
    """

    def __init__(
        self,
        limit: int = _STORM_LIMIT,
        seconds: float = _STORM_SECONDS,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._limit = limit
        self._seconds = seconds
        self._monotonic_seconds = monotonic_seconds
        self._began_seconds = monotonic_seconds()
        self._counts: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may pass."""
        now_seconds = self._monotonic_seconds()
        if now_seconds - self._began_seconds >= self._seconds:
            self._began_seconds = now_seconds
            self._counts.clear()
        template = (record.name, str(record.msg)[:80])
        self._counts[template] = self._counts.get(template, 0) + 1
        return self._counts[template] <= self._limit


class _ByLibrary(logging.Filter):
    """Applies the storm filter to libraries only: a logger's own filters do not see its children's records."""

    def __init__(self) -> None:
        super().__init__()
        self._storm = StormFilter()

    def filter(self, record: logging.LogRecord) -> bool:
        library = record.name.split(".", 1)[0]
        if library not in _NOISY_LOGGERS:
            return True
        is_said = _is_worth_saying(record) and self._storm.filter(record)
        if library in _INFO_AT_MOST and record.levelno < logging.CRITICAL:
            record.levelno, record.levelname = logging.INFO, "INFO"
        return is_said and record.levelno >= logging.getLogger().level


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Rewrite a library's message as a clear one, and decide whether it passes; only errors keep their stack."""
    message = str(record.msg)
    if any(words in message for words in _SAYS_NOTHING):
        return False
    for theirs, ours in _REPHRASED.items():
        record.msg = str(record.msg).replace(theirs, ours) if theirs in message else record.msg
    if record.levelno < logging.ERROR:
        _cut_stack(record)
    return True


def _cut_stack(record: logging.LogRecord) -> None:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.msg, record.args = f"{record.getMessage()}: {error!r}", ()
    record.exc_info = record.exc_text = record.stack_info = None


def _calm_libraries() -> None:
    for handler in logging.getLogger().handlers:
        handler.addFilter(_ByLibrary())
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
