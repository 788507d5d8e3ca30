"""URLs become what they would connect to, or are refused."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.errors import InvalidMedia
from operators.media.sources.address_guard import AddressGuard
from operators.media.sources.web_address import parse_web_address

LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.0x1",
    "127.0.0.01",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "𝟙𝟚𝟟.0.0.1",
]
REFUSED_HOSTS = [
    "0",
    "0x0",
    "10.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "100.100.100.200",
    "168.63.129.16",
    "192.168.1.1",
    "255.255.255.255",
    "224.0.0.1",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::10.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:53aa:64c:0:7bff:80ff:fffe]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[2606:4700::5efe:10.0.0.1]",
]
NOT_HOSTS = [
    "",
    "256.1.1.1",
    "1.2.3.4.5",
    "4294967296",
    "127.0.0.1.1",
    "0x7g.1.1.1.9",
    "08.1",
    "%31%32%37.0.0.1",
    "127.0.0.1%00",
    "[fe80::1%25eth0]",
    "[::1%lo]",
    "[::1",
    "::1",
    "[127.0.0.1]",
    "[]",
    "a..b",
    ".example.com",
    "-a.example",
    "exa mple.com",
    "a" * 64 + ".com",
    "example.com..",
    "host\u2044path.example",
    "a\u2100b.example",
]


def refusal(url: str) -> InvalidMedia:
    """What refuses `url`, by its text or by its literal address."""
    with pytest.raises(InvalidMedia) as caught:
        address = parse_web_address(url)
        assert address.literal is not None, f"{url} passed as {address}"
        AddressGuard().require_allowed(address.name, address.literal)
    return caught.value


class TestParseWebAddress:
    """`parse_web_address`."""

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://Example.COM", "http://example.com:80/"),
            ("HTTPS://example.com./a/b?x=1&y=%2F#part", "https://example.com:443/a/b?x=1&y=%2F"),
            ("https://example.com:8443?x", "https://example.com:8443/?x"),
            ("http://bücher.example/ü?ä=1", "http://xn--bcher-kva.example:80/%C3%BC?%C3%A4=1"),
            ("http://under_score.example/", "http://under_score.example:80/"),
            ("http://[2606:4700:0::1111]/", "http://[2606:4700::1111]:80/"),
            ("http://8.8.8.8:80/", "http://8.8.8.8:80/"),
            ("http://0x08080808/", "http://8.8.8.8:80/"),
            ("http://1e100.net/", "http://1e100.net:80/"),
        ],
    )
    def test_normal_form(self, url: str, expected: str) -> None:
        """One spelling a host; path and query are sent as they stand; the fragment is not sent."""
        address = parse_web_address(url)
        assert address.origin + address.target == expected
        assert (address.url.raw_host, address.url.port) == (address.host, address.port)
        assert address.url.raw_path_qs == address.target

    @pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
    def test_every_spelling_of_loopback_is_loopback(self, host: str) -> None:
        """Decimal, octal, hexadecimal, short, full-width, circled and dotted otherwise."""
        assert parse_web_address(f"http://{host}/x").literal == ipaddress.ip_address("127.0.0.1")

    @pytest.mark.parametrize("host", [*LOOPBACK_SPELLINGS, *REFUSED_HOSTS, *NOT_HOSTS])
    @pytest.mark.parametrize("form", ["http://{}/clip.mp4", "https://{}:8080/"])
    def test_refuses_attacks(self, host: str, form: str) -> None:
        """Hosts that are not public, and what is no host."""
        assert refusal(form.format(host)).cause == "media-address-refused"

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://example.com/x",
            "file:///etc/passwd",
            "gopher://example.com/",
            "//example.com/x",
            "http:/example.com",
            "http:///x",
            "http:\\\\example.com",
            "http://example.com\\@127.0.0.1/",
            "http://user@example.com/",
            "http://user:secret@example.com/",
            "http://example.com@127.0.0.1/",
            "http://example.com＠127.0.0.1/",
            "http://example.com:0/",
            "http://example.com:65536/",
            "http://example.com:８0/",
            "http://example.com:80:80/",
            "http://exam\tple.com/",
            "http://example.com/\r\nHost: x",
            "http://example.com/\x00",
            " http://example.com/",
            "http://example.com/" + "x" * 9000,
            "http://\ud800.example/",
            "http://example.com/\ud800",
        ],
    )
    def test_refuses_shapes(self, url: str) -> None:
        """Other schemes, user names, odd ports, what parsers disagree about."""
        with pytest.raises(InvalidMedia) as caught:
            parse_web_address(url)
        assert caught.value.cause == "media-address-refused"

    @pytest.mark.parametrize(
        "url", ["https://u:hush@example.com/?k=hush", "http://exa mple.com/?k=hush#hush", "x://example.com/?k=hush"]
    )
    def test_refusals_show_no_secret(self, url: str) -> None:
        """Neither user name nor query nor fragment stands in a message."""
        assert "hush" not in refusal(url).message

    def test_name_has_no_query(self) -> None:
        """Messages name an address without its signature."""
        assert parse_web_address("https://example.com/a?sig=hush").name == "https://example.com:443/a"

    @pytest.mark.parametrize(
        ("location", "expected"),
        [
            ("/b?x", "https://example.com:443/b?x"),
            ("c", "https://example.com:443/a/c"),
            ("//other.example/d", "https://other.example:443/d"),
            ("http://0x7f.1/", "http://127.0.0.1:80/"),
        ],
    )
    def test_redirects(self, location: str, expected: str) -> None:
        """A Location may be relative, and is read as strictly as the first address."""
        address = parse_web_address("https://example.com/a/b").joined(location)
        assert address.origin + address.target == expected

    @pytest.mark.parametrize(
        "location",
        ["http://[", "//[x", "//[", "http://not-ip]/", "http://[not-ip]/", "http://\u2100.example/", "//a\u2100b/"],
    )
    def test_redirects_that_no_parser_takes(self, location: str) -> None:
        """A Location that the standard library's parser refuses is a refused address, not an error of ours."""
        with pytest.raises(InvalidMedia) as caught:
            parse_web_address("https://example.com/a/b").joined(location)
        assert caught.value.cause == "media-address-refused"

    @given(st.text(st.sampled_from("[]/:@?#%.a0\u2100\uff0e\\ \t") | st.characters(), max_size=30))
    @settings(max_examples=1_000)
    def test_any_redirect_is_read_or_refused(self, location: str) -> None:
        """Whatever an origin puts into a Location, the answer is an address or a refusal."""
        try:
            address = parse_web_address("https://example.com/a/b").joined(location)
        except InvalidMedia as refused:
            assert refused.cause == "media-address-refused"
        else:
            assert parse_web_address(address.origin + address.target) == address

    @given(st.ip_addresses(v=4), st.integers(0, 3), st.data())
    def test_any_spelling_of_an_ipv4_address(
        self, address: ipaddress.IPv4Address, dots: int, data: st.DataObject
    ) -> None:
        """Whatever `inet_aton` would read as an address is read as that address."""
        value = int(address)
        lead = [(value >> shift) & 255 for shift in (24, 16, 8)[:dots]]
        numbers = [*lead, value & (256 ** (4 - dots) - 1)]
        spelt = [data.draw(st.sampled_from([f"{n}", f"0{n:o}", f"{n:#x}", f"{n:#X}"])) for n in numbers]
        assert parse_web_address(f"http://{'.'.join(spelt)}/").literal == address

    @given(st.text(max_size=40))
    def test_any_host_is_read_or_refused(self, host: str) -> None:
        """No text fails in another way, and what passes has one ASCII spelling that is read as itself."""
        try:
            address = parse_web_address(f"http://{host}/")
        except InvalidMedia as refused:
            assert refused.cause == "media-address-refused"
        else:
            assert address.host.isascii()
            assert parse_web_address(address.origin + address.target) == address
            assert address.url.raw_host == address.host
