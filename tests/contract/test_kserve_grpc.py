"""The KServe backend over gRPC: the same promises, with the codes of gRPC in place of HTTP's."""

from __future__ import annotations

import sys

import grpc
import pytest

from operators.errors import DeviceFault, ModelFault, Overloaded, ServerUnavailable
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.faults import ModelMissing, NoAnswerInTime, RequestRefused
from operators.inference.remote.kserve_grpc_messages import MESSAGES
from operators.inference.remote.server_options import ServerOptions
from operators.inference.request_context import ModelOutput
from tests.support.kserve_grpc_standin import KserveGrpcStandin
from tests.support.kserve_world import CARD, POISON, Means, served, values, world

Code = grpc.StatusCode


def standin(*, is_raw: bool = True) -> KserveGrpcStandin:
    return KserveGrpcStandin({CARD.name: served()}, is_raw=is_raw)


class TestAnswers:
    @pytest.mark.parametrize("is_raw", [True, False])
    async def test_says_where_it_went(self, is_raw: bool) -> None:
        """Answers are bytes, or numbers of the message; host and token as over HTTP."""
        async with world(standin(is_raw=is_raw)) as here:
            answers = await here.ask([1, 2, 3])
            address = here.server.base_url.removeprefix("grpc://")
            assert {each["authorization"] for each in here.server.metadata} == {"Bearer secret"}
        assert values(answers) == [1.0, 2.0, 3.0]
        assert {answer.usage.host for answer in answers if isinstance(answer, ModelOutput) and answer.usage} == {
            address
        }

    def test_messages_have_the_protocols_numbers(self) -> None:
        """Bytes of a request as another client writes them: fields 1, 5 with 1 to 3, 6 and 7."""
        message = MESSAGES["ModelInferRequest"](
            model_name="m",
            inputs=[MESSAGES["InferTensor"](name="i", datatype="FP32", shape=[1, 2])],
            outputs=[MESSAGES["RequestedOutput"](name="o")],
            raw_input_contents=[b"\x01"],
        )
        assert message.SerializeToString() == (
            b"\x0a\x01m"
            b"\x2a\x0d\x0a\x01i\x12\x04FP32\x1a\x02\x01\x02"
            b"\x32\x03\x0a\x01o"
            b"\x3a\x01\x01"
        )  # fmt: skip


class TestFaults:
    async def test_a_poison_row_fails_alone(self) -> None:
        """As over HTTP."""
        async with world(standin()) as here:
            assert values(await here.ask([1, POISON, 3])) == [1.0, ModelFault, 3.0]

    @pytest.mark.parametrize(
        ("code", "kind", "outcome"),
        [
            (Code.INVALID_ARGUMENT, RequestRefused, ("refused", False)),
            (Code.RESOURCE_EXHAUSTED, Overloaded, ("overloaded", False)),
            (Code.UNAVAILABLE, ServerUnavailable, ("unavailable", True)),
            (Code.NOT_FOUND, ModelMissing, ("unavailable", False)),
            (Code.UNAUTHENTICATED, ServerUnavailable, ("unavailable", True)),
        ],
    )
    async def test_codes(self, code: grpc.StatusCode, kind: type[Exception], outcome: tuple[str, bool]) -> None:
        """Nothing is sent again by itself."""
        async with world(standin()) as here:
            here.server.always = code
            assert values(await here.ask([1])) == [kind]
            assert (here.server.num_rows, here.watch.outcomes()) == ([1], [outcome])

    async def test_what_always_fails_is_the_server(self) -> None:
        """It fails with what it answered before."""
        async with world(standin()) as here:
            here.server.always = Code.UNKNOWN
            assert values(await here.ask([1])) == [ServerUnavailable]
            assert here.watch.outcomes()[-1] == ("failed", True)

    async def test_the_deadline_ends_a_request(self) -> None:
        """And the server is not to blame."""
        async with world(standin()) as here:
            here.server.stalls = True
            assert values(await here.ask([1], seconds_left=1.0)) == [NoAnswerInTime]
            assert here.watch.outcomes() == [("cut", False)]
            here.server.stall.set()

    async def test_a_gone_server(self) -> None:
        """Nobody listens."""
        async with world(standin()) as here:
            here.server.close()
            assert values(await here.ask([1])) == [ServerUnavailable]


class TestOpening:
    async def test_an_unknown_model_is_named(self) -> None:
        """With the server's own words; it may still be loading the model."""
        with pytest.raises(ModelMissing, match=r"NOT_FOUND: .*unknown model: 'means'"):
            async with world(KserveGrpcStandin({})):
                pass

    def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message says what to install."""
        monkeypatch.setitem(sys.modules, "grpc", None)
        monkeypatch.delitem(sys.modules, "operators.inference.remote.kserve_grpc", raising=False)
        options = ServerOptions(parse_endpoint("grpc://127.0.0.1:1", ["grpc"]), ["127.0.0.1"])
        with pytest.raises(DeviceFault, match=r"needs the package grpc, .*pip install 'vidsignal\[remote\]'"):
            open_backend("kserve", BackendConfig(server=options)).load(CARD, Means)
