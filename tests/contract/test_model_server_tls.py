"""Connections to model servers verify the certificate and the host name, over HTTP and gRPC; nothing can disable it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from operators.errors import ServerUnavailable
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.loaded_model import LoadedModel
from operators.inference.precision_wrapper import warm_up_batch
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from tests.support.certificates import Authority, KeyPair
from tests.support.kserve_grpc_standin import KserveGrpcStandin
from tests.support.kserve_standin import KserveStandin
from tests.support.kserve_world import CARD, Means, served
from tests.support.tls_proxy import TlsProxy


@contextmanager
def encrypted(scheme: str, certificate: KeyPair) -> Iterator[str]:
    """The address of a server with that certificate."""
    if scheme == "grpcs":
        with KserveGrpcStandin({CARD.name: served()}, certificate=certificate) as grpc_server:
            yield grpc_server.base_url.replace("grpc://", "grpcs://")
        return
    with KserveStandin({CARD.name: served()}) as server, TlsProxy(f"127.0.0.1:{server.port}", certificate) as proxy:
        yield f"https://{proxy.address}"


def loaded(url: str, ca_file: Path | None) -> LoadedModel:
    endpoint = parse_endpoint(url, ("https", "grpcs"))
    options = ServerOptions(endpoint, ["127.0.0.1"], ca_file=ca_file, timeout_seconds=5.0)
    return open_backend("kserve", BackendConfig(server=options)).load(CARD, Means)


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
class TestTls:
    def test_a_known_authority(self, scheme: str, tmp_path: Path) -> None:
        """By its file."""
        authority = Authority(tmp_path / "ours")
        with encrypted(scheme, authority.issue("server")) as url:
            model = loaded(url, authority.certificate_path)
            assert model.run(warm_up_batch(CARD, 1)).values[0].shape == (1,)
            model.close()

    def test_an_unknown_authority(self, scheme: str, tmp_path: Path) -> None:
        """Nothing is sent to anyone who is there."""
        with encrypted(scheme, Authority(tmp_path / "theirs").issue("server")) as url, pytest.raises(ServerUnavailable):
            loaded(url, Authority(tmp_path / "ours").certificate_path)

    def test_another_host(self, scheme: str, tmp_path: Path) -> None:
        """A certificate of our authority for another host is not enough."""
        authority = Authority(tmp_path / "ours")
        with encrypted(scheme, authority.issue("server", ["models.example"])) as url, pytest.raises(ServerUnavailable):
            loaded(url, authority.certificate_path)
