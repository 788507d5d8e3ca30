"""Each way in which a KServe server fails, and what becomes of the items: over a server of our own on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from operators.errors import DeviceFault, ModelFault, Overloaded, ServerUnavailable
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.remote.faults import ModelMissing, NoAnswerInTime, RequestRefused
from operators.inference.request_context import ModelOutput
from tests.support.kserve_standin import KserveStandin, Served
from tests.support.kserve_world import CARD, POISON, Means, means, served, values, world


class TestAnswers:
    async def test_says_where_it_went(self) -> None:
        """Each answer names the server and its share of the seconds; no accelerator of ours was occupied, and no row
        was padding."""
        async with world() as here:
            answers = await here.ask([1, 2, 3])
            address = here.server.base_url.removeprefix("http://")
        assert values(answers) == [1.0, 2.0, 3.0]
        assert sum(here.server.num_rows) == 3
        for answer in answers:
            assert isinstance(answer, ModelOutput)
            assert answer.usage is not None
            assert (answer.usage.host, answer.device_seconds, answer.mode) == (address, 0.0, "kserve-float32")
            assert answer.usage.seconds > 0
        assert set(here.watch.outcomes()) == {("answered", False)}
        assert {headers.get("Authorization") for headers in here.server.headers} == {"Bearer secret"}

    async def test_server_without_the_binary_extension(self) -> None:
        """Answers may also be lists of numbers."""
        async with world(KserveStandin({CARD.name: served()}, knows_binary=False)) as here:
            assert values(await here.ask([7])) == [7.0]

    async def test_several_are_in_flight(self) -> None:
        """The server answers when four requests are there: so four are sent without an answer to any."""
        async with world(card=replace(CARD, batch_sizes=(1,)), max_requests=4) as here:
            here.server.batch_requests = 4
            assert values(await here.ask([1, 2, 3, 4])) == [1.0, 2.0, 3.0, 4.0]

    async def test_a_model_without_rows_gets_one_at_a_time(self) -> None:
        """Triton's `max_batch_size` of 0: the tensor has no axis for rows."""
        unbatched = Served(
            lambda row: [value[0] for value in means(row[np.newaxis])],
            CARD.input_shape, CARD.input_dtype, CARD.outputs, max_batch_size=0,
        )  # fmt: skip
        async with world(KserveStandin({CARD.name: unbatched})) as here:
            assert here.inference.batcher(CARD.name).batch_sizes == (1,)
            assert values(await here.ask([5, 6])) == [5.0, 6.0]

    async def test_a_smaller_batch_of_the_server_counts(self) -> None:
        """No request has more rows than the server takes."""
        small = replace(served(), max_batch_size=2)
        async with world(KserveStandin({CARD.name: small})) as here:
            assert here.inference.batcher(CARD.name).batch_sizes == (1,)
            await here.ask([1, 2, 3])
            assert set(here.server.num_rows) == {1}


class TestFaults:
    async def test_a_poison_row_fails_alone(self) -> None:
        """The server fails the whole batch: each row is sent once more and alone, and only the poison is at fault. It
        is sent twice, then an item that is known to be good shows that the server works."""
        async with world() as here:
            plug = asyncio.ensure_future(here.ask([0]))
            await plug
            answers = await here.ask([1, 2, POISON, 3])
        assert values(answers) == [1.0, 2.0, ModelFault, 3.0]
        assert sum(here.server.num_rows) <= 4 + 4 + 2

    async def test_a_neighbour_of_poison_is_answered(self) -> None:
        """The server combines requests of different batches, and fails both: the good one is answered, alone."""
        async with world(card=replace(CARD, batch_sizes=(1,)), max_requests=2) as here:
            here.server.batch_requests = 2
            assert values(await here.ask([POISON, 9])) == [ModelFault, 9.0]

    async def test_what_always_fails_is_the_server(self) -> None:
        """It fails with an item that it answered before, too: the video waits and is not given up."""
        async with world() as here:
            here.server.always = 500
            assert values(await here.ask([1])) == [ServerUnavailable]
            assert here.watch.outcomes()[-1] == ("failed", True)
            here.server.always = None
            assert values(await here.ask([1])) == [1.0]

    @pytest.mark.parametrize(
        ("status", "kind", "outcome"),
        [
            (400, RequestRefused, ("refused", False)),
            (429, Overloaded, ("overloaded", False)),
            (503, Overloaded, ("overloaded", True)),
            (502, ServerUnavailable, ("unavailable", True)),
            (403, ServerUnavailable, ("unavailable", True)),
            (404, ModelMissing, ("unavailable", False)),
            (307, ServerUnavailable, ("unavailable", True)),
        ],
    )
    async def test_statuses(self, status: int, kind: type[Exception], outcome: tuple[str, bool]) -> None:
        """Nothing is sent again and nothing is split; the breaker counts what says that the server is unavailable."""
        async with world() as here:
            here.server.always = status
            (answer,) = await here.ask([1])
            assert isinstance(answer, kind)
            assert (here.server.num_rows, here.watch.outcomes()) == ([1], [outcome])

    async def test_a_cut_connection_is_tried_once_more(self) -> None:
        """A server may close an idle connection just when it is used; what is cut again is the server's fault."""
        async with world() as here:
            here.server.statuses = [0]
            assert values(await here.ask([4])) == [4.0]
            here.server.statuses = [0, 0]
            assert values(await here.ask([4])) == [ServerUnavailable]

    async def test_no_answer_within_the_time(self) -> None:
        """The whole time limit has passed: the breaker counts it."""
        async with world(timeout_seconds=0.3) as here:
            here.server.stalls = True
            assert values(await here.ask([1])) == [NoAnswerInTime]
            assert here.watch.outcomes() == [("unavailable", True)]

    async def test_the_deadline_ends_a_request(self) -> None:
        """The server is told how long it has, and is not to blame for a short deadline."""
        async with world() as here:
            here.server.stalls = True
            assert values(await here.ask([1], seconds_left=1.0)) == [NoAnswerInTime]
            assert here.server.timeouts[-1] <= 1_000_000
            assert here.watch.outcomes() == [("cut", False)]

    async def test_a_gone_server(self) -> None:
        """Nobody listens: the items wait for the server, and the worker goes on."""
        async with world() as here:
            here.server.close()
            assert values(await here.ask([1, 2])) == [ServerUnavailable, ServerUnavailable]

    async def test_an_open_breaker_sends_nothing(self) -> None:
        """The server is not asked."""
        async with world() as here:
            here.watch.is_open = True
            assert values(await here.ask([1])) == [ServerUnavailable]
            assert here.server.num_rows == []


class TestOpening:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"dtype": "float32"}, "its input is item FP32 [-1, 2, 2, 3]; its card needs UINT8 [1, 2, 2, 3]"),
            ({"item_shape": (4, 4, 3)}, "its input is item UINT8 [-1, 4, 4, 3]"),
            ({"outputs": ("mean", "other")}, "its card needs outputs named ['colours']"),
            ({"compute": lambda batch: [value * 1.1 for value in means(batch)]}, "its answers to 1 rows differ"),
            (
                {"compute": lambda batch: [value + (len(batch) == 4) for value in means(batch)]},
                "its answers to 4 rows differ",
            ),
        ],
    )
    async def test_another_model_is_refused(self, change: dict[str, object], said: str) -> None:
        """The start ends with what the server has and what the card needs: also where only the numbers differ, and
        where they differ in one batch size."""
        with pytest.raises(DeviceFault) as refused:
            async with world(KserveStandin({CARD.name: replace(served(), **change)})):
                pass
        assert said in str(refused.value)

    async def test_an_unknown_model_is_named(self) -> None:
        """With the server's own words; it may still be loading the model, so a worker waits for it."""
        with pytest.raises(ModelMissing, match=r"answered 404: .*unknown model: 'means'"):
            async with world(KserveStandin({})):
                pass

    def test_needs_a_server(self) -> None:
        """The message names the setting."""
        with pytest.raises(DeviceFault, match="VIDSIGNAL_KSERVE_URL"):
            open_backend("kserve", BackendConfig()).load(CARD, Means)
