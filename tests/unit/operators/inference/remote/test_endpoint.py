"""Users' media goes to no host that is not listed, and beyond this machine only encrypted."""

from __future__ import annotations

import pytest

from operators.inference.remote.endpoint import EndpointRefused, parse_endpoint, require_permitted
from operators.inference.remote.server_options import ServerOptions

HTTP = ("http", "https")


class TestParsing:
    @pytest.mark.parametrize(
        ("url", "address", "path"),
        [
            ("http://127.0.0.1:8000", "127.0.0.1:8000", ""),
            ("https://Models.Example/triton/", "models.example:443", "/triton"),
            ("https://[2001:db8::1]:9000", "[2001:db8::1]:9000", ""),
        ],
    )
    def test_reads(self, url: str, address: str, path: str) -> None:
        """Host and port as on receipts; a path goes before those of the protocol."""
        found = parse_endpoint(url, HTTP)
        assert (found.address, found.path) == (address, path)
        assert found.url("/v2") == f"{found.origin}{path}/v2"

    @pytest.mark.parametrize(
        "url",
        ["models.example", "ftp://models.example", "http://", "http://h:0", "http://h:port", "https://h/?key=1",
         "https://h/#a", "http://[h", ""],
    )  # fmt: skip
    def test_refuses(self, url: str) -> None:
        """The message says what is allowed."""
        with pytest.raises(EndpointRefused, match="allowed is http:// or https://"):
            parse_endpoint(url, HTTP)

    def test_repeats_no_credentials(self) -> None:
        """An address with a password is refused without its value, which would be in logs."""
        with pytest.raises(EndpointRefused) as refused:
            parse_endpoint("https://user:hunter2@models.example", HTTP)
        assert "hunter2" not in str(refused.value)


class TestPermission:
    @pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "https://models.example"])
    def test_nothing_is_allowed_by_default(self, url: str) -> None:
        """Not even this machine."""
        with pytest.raises(EndpointRefused, match="allows no host"):
            require_permitted(parse_endpoint(url, HTTP), ())

    @pytest.mark.parametrize(
        ("url", "listed"),
        [
            ("https://models.example", "models.example"),
            ("https://models.example:8443", "Models.Example:8443"),
            ("http://127.0.0.1:8000", "127.0.0.1"),
            ("http://[::1]:8000", "::1"),
            ("http://localhost:8000", "localhost:8000"),
        ],
    )
    def test_a_listed_host_is(self, url: str, listed: str) -> None:
        """By name or address, with or without its port; without TLS on loopback alone."""
        endpoint = parse_endpoint(url, HTTP)
        require_permitted(endpoint, [listed])
        assert endpoint.is_encrypted or endpoint.is_loopback

    @pytest.mark.parametrize(
        ("url", "listed"),
        [
            ("https://models.example.org", "models.example"),
            ("https://evil.models.example", "models.example"),
            ("https://models.example:444", "models.example:443"),
        ],
    )
    def test_a_similar_host_is_not(self, url: str, listed: str) -> None:
        """Names are compared as a whole."""
        with pytest.raises(EndpointRefused, match="users' media would be sent"):
            require_permitted(parse_endpoint(url, HTTP), [listed])

    @pytest.mark.parametrize("host", ["models.example", "10.0.0.7", "localhost.example", "0.0.0.0"])
    def test_beyond_loopback_is_encrypted(self, host: str) -> None:
        """A private network is no loopback."""
        with pytest.raises(EndpointRefused, match="without encryption; allowed beyond loopback: https://"):
            require_permitted(parse_endpoint(f"http://{host}:8000", HTTP), [host])

    def test_options_cannot_be_made_for_others(self) -> None:
        """Anyone who opens a connection has passed the check; the token is not shown."""
        endpoint = parse_endpoint("https://models.example", HTTP)
        with pytest.raises(EndpointRefused):
            ServerOptions(endpoint, ())
        assert "hunter2" not in repr(ServerOptions(endpoint, ["models.example"], token="hunter2"))
