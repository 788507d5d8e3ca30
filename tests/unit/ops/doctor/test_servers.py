"""What the doctor says of a broker that is unavailable, refuses, or is the demo's."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from ops.doctor import broker, groups, progress, rights, topics
from ops.doctor.api_versions import ClientUnavailable, api_versions
from ops.doctor.check_context import CheckContext
from ops.local.ports import ReservedPort
from streams.config.settings import read_settings
from streams.kafka.clients import BrokerRefuses
from tests.doctor_world import about, context, only


class FakeBroker:
    """Answers with one node."""

    def list_topics(self, timeout: float) -> Any:
        return SimpleNamespace(brokers={1: "a"}, topics={})


def embedded() -> CheckContext:
    return context(broker=FakeBroker(), is_broker_embedded=True)


class TestBroker:
    def test_unavailable(self) -> None:
        """One finding, with the setting to look at and a command that starts a broker."""
        finding = only(broker.examine(context()))
        assert finding.state == "wrong"
        assert "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS" in finding.do
        assert "vidsignal local" in finding.do

    def test_refuses(self) -> None:
        """A refusal names the settings of the wire, not the address."""
        refusal = BrokerRefuses("Kafka refuses us: authentication failed")
        finding = only(broker.examine(context(broker=refusal)))
        assert "VIDSIGNAL_KAFKA_SECURITY_PROTOCOL" in finding.do

    def test_one_of_several_is_down(self) -> None:
        """Brokers that answer and an address that does not are both named."""
        with ReservedPort() as closed, socket.create_server(("127.0.0.1", 0)) as listening:
            open_port = listening.getsockname()[1]
            nodes = {1: SimpleNamespace(host="127.0.0.1", port=open_port)}
            here = context(
                broker=SimpleNamespace(list_topics=lambda timeout: SimpleNamespace(brokers=nodes, topics={})),
                kafka_bootstrap_servers=f"127.0.0.1:{open_port},127.0.0.1:{closed.number}",
            )
            finding = about(broker.examine(here), "address")
        assert finding.state == "warning"
        assert f"1 broker answers: 127.0.0.1:{open_port}" in finding.found
        assert f"127.0.0.1:{closed.number} of VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS does not" in finding.found

    def test_embedded(self) -> None:
        """The demo's broker is no place for anything else."""
        assert about(broker.examine(embedded()), "address").state == "warning"

    @pytest.mark.parametrize(
        ("address", "is_local"),
        [("127.0.0.1:9092", True), ("localhost:9092", True), ("[::1]:9092", True), ("kafka-1:9092", False),
         ("10.0.0.1:9092", False)],
    )  # fmt: skip
    def test_loopback(self, address: str, is_local: bool) -> None:
        """Only what never leaves this machine may go unencrypted without a word."""
        assert broker.is_loopback(address) == is_local

    def test_in_the_clear(self) -> None:
        """Unencrypted wires to elsewhere are worth a warning."""
        here = context(broker=FakeBroker(), kafka_bootstrap_servers="kafka-1:9092", is_broker_embedded=True)
        assert about(broker.examine(here), "encryption").state == "warning"


class TestProtocol:
    def test_client_without_a_broker(self) -> None:
        """The Faust apps' client says why it does not get in."""
        with ReservedPort() as port:
            settings = read_settings(kafka_bootstrap_servers=port.address)
            with pytest.raises(ClientUnavailable, match=port.address):
                api_versions(settings, 2.0)


@pytest.mark.parametrize("examine", [topics.examine, groups.examine, progress.examine, rights.examine])
class TestWhatNeedsABroker:
    def test_unavailable(self, examine: Any) -> None:
        """Its absence is told once, by its own examination; here nothing was checked."""
        assert only(examine(context())).state == "not-checked"

    def test_embedded(self, examine: Any) -> None:
        """The demo's broker has no administration."""
        here = context(broker=FakeBroker(), store=object(), is_broker_embedded=True)
        assert only(examine(here)).state == "not-checked"
