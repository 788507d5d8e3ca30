"""Where requests go: redirects, certificates, names and what they resolve to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operators.errors import InvalidMedia, SourceUnavailable
from operators.media.sources.address_guard import AddressGuard
from operators.media.sources.http_client import HttpClient, redirected
from operators.media.sources.web_address import parse_web_address
from schemas.uploads import UrlSource
from tests.support.certificates import Authority
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.support.tls_proxy import TlsProxy
from tests.unit.operators.media.sources.conftest import CLIP, SMALL, UNHEARD, Opening, content
from tests.unit.operators.media.sources.http_asking import cause_of, read


class TestRedirects:
    """Every hop is judged."""

    async def test_is_followed(self, opened: Opening, origin: HttpOrigin) -> None:
        """The media comes from where it leads, and later ranges go there directly."""
        origin.put("/clip.mp4", CLIP)
        url = origin.put("/moved", b"", Behaviour(redirect_to="/clip.mp4?sig=1"))
        assert await read(opened, url) == CLIP
        assert [seen.path for seen in origin.requests][:3] == ["/moved", "/clip.mp4?sig=1", "/clip.mp4?sig=1"]

    async def test_stale_target_is_asked_for_again(self, opened: Opening, origin: HttpOrigin) -> None:
        """A target that is forbidden later was signed for a while only."""
        origin.put("/one", CLIP)
        async with opened(UrlSource(url=origin.put("/moved", b"", Behaviour(redirect_to="/one")))) as media:
            origin.put("/one", CLIP, Behaviour(always_status=403))
            origin.put("/two", CLIP)
            origin.put("/moved", b"", Behaviour(redirect_to="/two"))
            assert await content(media) == CLIP

    @pytest.mark.parametrize(
        "target",
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://[::1]/",
            "http://0xa9fea9fe/",
            "http://10.0.0.1/x",
            "file:///etc/passwd",
            "ftp://example.com/x",
            "http://user@example.com/",
            "http://127.0.0.1\\@example.com/",
        ],
    )
    async def test_to_where_we_do_not_go(self, opened: Opening, origin: HttpOrigin, target: str) -> None:
        """A public origin cannot send us into the private network."""
        url = origin.put("/moved", b"", Behaviour(redirect_to=target))
        assert await cause_of(opened, url) == "media-address-refused"

    async def test_loop(self, opened: Opening, origin: HttpOrigin) -> None:
        """Five redirects are followed, not more."""
        url = origin.put("/moved", b"", Behaviour(redirect_to="/moved"))
        assert await cause_of(opened, url) == "media-refused"
        assert len(origin.requests) == SMALL.max_redirects + 1

    def test_from_https_to_http(self) -> None:
        """What was asked for under TLS does not come without it."""
        response = SimpleNamespace(status=302, headers={"Location": "http://cdn.example/x"})
        with pytest.raises(InvalidMedia, match="from https to http") as caught:
            redirected(parse_web_address("https://cdn.example/x"), response)  # type: ignore[arg-type]
        assert caught.value.cause == "media-refused"


class TestTls:
    """Certificates."""

    async def test_of_nobody_we_trust(self, opened: Opening, origin: HttpOrigin, tmp_path: Path) -> None:
        """An origin that cannot show who it is gets no request."""
        origin.put("/clip.mp4", CLIP)
        pair = Authority(tmp_path / "authority").issue("origin", hosts=("127.0.0.1",))
        with TlsProxy(f"127.0.0.1:{origin.port}", pair) as proxy:
            assert await cause_of(opened, f"https://{proxy.address}/clip.mp4") == "media-refused"
        assert origin.requests == []

    async def test_no_tls_at_all(self, opened: Opening, origin: HttpOrigin) -> None:
        """A handshake that fails may be the network's fault: away."""
        with pytest.raises(SourceUnavailable):
            await read(opened, origin.put("/clip.mp4", CLIP).replace("http:", "https:"))


class TestNames:
    """Names and what they resolve to."""

    @staticmethod
    def resolver(*answers: Sequence[str]) -> tuple[Any, list[str]]:
        """A resolver that gives the answers in turn, the last one for ever, and what it was asked."""
        asked: list[str] = []

        async def resolve(host: str) -> Sequence[str]:
            asked.append(host)
            return answers[min(len(asked), len(answers)) - 1]

        return resolve, asked

    def url(self, origin: HttpOrigin) -> str:
        """The clip under a host name."""
        origin.put("/clip.mp4", CLIP)
        return f"http://cdn.example:{origin.port}/clip.mp4"

    async def test_resolves_and_fetches(self, opened: Opening, origin: HttpOrigin) -> None:
        """The Host header is the name."""
        resolve, _ = self.resolver(["127.0.0.1"])
        assert await read(opened, self.url(origin), resolve=resolve) == CLIP
        assert origin.requests[0].headers["Host"] == f"cdn.example:{origin.port}"

    @pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:169.254.169.254"], ["::1"]])
    async def test_one_private_address_refuses(self, opened: Opening, origin: HttpOrigin, addresses: list[str]) -> None:
        """Whatever else the name resolves to."""
        resolve, _ = self.resolver(addresses)
        assert await cause_of(opened, self.url(origin), resolve=resolve) == "media-address-refused"
        assert origin.requests == []

    async def test_name_that_changes_between_check_and_connect(self, opened: Opening, origin: HttpOrigin) -> None:
        """One resolution a connection: the second answer, a private address, is never connected to."""
        resolve, asked = self.resolver(["127.0.0.2"], ["127.0.0.1"])
        allowed = (ip_network("127.0.0.2/32"),)
        origin_url = self.url(origin)  # listens at 127.0.0.1 only, which is not allowed here
        with pytest.raises((SourceUnavailable, InvalidMedia)):
            await read(opened, origin_url, resolve=resolve, allowed_networks=allowed)
        assert len(asked) == 2
        assert origin.requests == []

    async def test_literal_without_allowance(self, opened: Opening, origin: HttpOrigin) -> None:
        """Loopback is refused by default."""
        url = origin.put("/clip.mp4", CLIP)
        assert await cause_of(opened, url, allowed_networks=()) == "media-address-refused"
        assert origin.requests == []

    async def test_the_socket_is_checked_too(self, origin: HttpOrigin) -> None:
        """Were an address to come past the other checks, it would not be connected to."""
        client = HttpClient(AddressGuard(), SMALL)
        address = replace(parse_web_address(origin.put("/clip.mp4", CLIP)), literal=None)
        with pytest.raises(InvalidMedia) as caught:
            async with client.get(address, {}):
                pass
        await client.aclose()
        assert caught.value.cause == "media-address-refused"
        assert origin.requests == []

    @pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_NODATA])
    async def test_no_such_name(self, opened: Opening, origin: HttpOrigin, code: int) -> None:
        """The name does not exist."""

        async def resolve(host: str) -> Sequence[str]:
            raise socket.gaierror(code, "as told")

        assert await cause_of(opened, self.url(origin), resolve=resolve) == "media-missing"

    @pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_MEMORY])
    async def test_names_cannot_be_resolved_now(self, opened: Opening, origin: HttpOrigin, code: int) -> None:
        """The resolver's trouble is waited for."""

        async def resolve(host: str) -> Sequence[str]:
            raise socket.gaierror(code, "as told")

        with pytest.raises(SourceUnavailable):
            await read(opened, self.url(origin), resolve=resolve)

    async def test_resolver_that_hangs(self, opened: Opening, origin: HttpOrigin) -> None:
        """It is unavailable after the time for connecting."""

        async def resolve(host: str) -> Sequence[str]:
            await asyncio.Event().wait()
            raise AssertionError

        with pytest.raises(SourceUnavailable):
            await read(opened, self.url(origin), resolve=resolve, limits=UNHEARD)

    async def test_environment_proxy_is_ignored(
        self, opened: Opening, origin: HttpOrigin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy of the environment would resolve names for itself, past the guard."""
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert await read(opened, origin.put("/clip.mp4", CLIP)) == CLIP
