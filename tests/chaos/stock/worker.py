"""Stock Faust at the stand-in's work: `python -m tests.chaos.stock.worker`; every upload gets one answer.

Written as Faust's own guide has it: the answer is confirmed before the event is acknowledged. The consumer is Faust's.
Times are those of the product, so that only the consumer differs.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from typing import Any, Final

import faust
from mode import Worker

GROUP: Final = "chaos-stock"
ANSWERS: Final = "chaos.answers"
STOCK_WORKER: Final = (sys.executable, "-m", "tests.chaos.stock.worker")
_STANDARD_OUTPUT: Final = 1
_CONCURRENCY: Final = 8
_LONGEST_ANSWER_SECONDS: Final = 4.0

app = faust.App(
    GROUP,
    broker=[
        f"kafka://{server}" for server in os.environ.get("VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1").split(",")
    ],
    value_serializer="raw",
    key_serializer="raw",
    autodiscover=False,
    web_enabled=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    table_standby_replicas=0,
    broker_session_timeout=10.0,
    broker_heartbeat_interval=3.0,
    broker_commit_interval=1.0,
    consumer_auto_offset_reset="earliest",
    producer_request_timeout=60.0,
)
_uploads = app.topic("video.uploaded", key_type=bytes, value_type=bytes)
_answers = app.topic(ANSWERS, key_type=bytes, value_type=bytes)


async def answer(stream: Any) -> None:
    """Take as long as the stand-in does, and answer."""
    async for event in stream.events():
        await asyncio.sleep(
            random.choice((0.0, random.uniform(0.0, 1.0), random.uniform(0.0, _LONGEST_ANSWER_SECONDS)))
        )
        place = {"partition": event.message.partition, "offset": event.message.offset}
        await (await _answers.send(key=event.key, value=json.dumps(place).encode()))


async def say_ready(*_: Any, **__: Any) -> None:
    """The line that the fleet waits for, past Faust's redirection of what is printed."""
    os.write(_STANDARD_OUTPUT, b'{"event": "ready"}\n')


if __name__ == "__main__":
    app.agent(_uploads, name="answer", concurrency=_CONCURRENCY)(answer)
    app.on_partitions_assigned.connect(say_ready)
    Worker(app, loglevel="warning").execute_from_commandline()
