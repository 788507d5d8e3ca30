"""Only globally routable unicast passes, whatever it is wrapped in."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.errors import InvalidMedia
from operators.media.sources.address_guard import AddressGuard

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8"]
REFUSED = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "2606:4700::1%1",
    "fec0::1",
    "ff02::1",
    "2606:4700::5efe:a00:1",
    "2606:4700::200:5efe:7f00:1",
]


def judged(address: str, *allowed: str) -> str | None:
    """Why a guard with these networks refuses `address`."""
    return AddressGuard(tuple(ip_network(network) for network in allowed)).refusal(ip_address(address))


class TestAddressGuard:
    """`AddressGuard`."""

    @pytest.mark.parametrize("address", PUBLIC)
    def test_passes_public_unicast(self, address: str) -> None:
        """Neighbours of refused ranges, and public IPv4 behind the well-known NAT64 prefix."""
        assert judged(address) is None

    @pytest.mark.parametrize("address", REFUSED)
    def test_refuses_the_rest(self, address: str) -> None:
        """Special ranges and forms that carry an IPv4 address of one."""
        assert judged(address) is not None

    def test_allowed_network_passes(self) -> None:
        """What the operator names passes, mapped into IPv6 too, and its neighbour does not."""
        assert judged("10.1.2.3", "10.1.0.0/16") is None
        assert judged("::ffff:10.1.2.3", "10.1.0.0/16") is None
        assert judged("10.2.2.3", "10.1.0.0/16") is not None
        assert judged("fd00::1", "fd00::/8") is None

    def test_allowing_a_wrapping_does_not_allow_what_is_wrapped(self) -> None:
        """A local NAT64 prefix that is allowed leads to allowed IPv4 addresses only."""
        prefix = "64:ff9b:1::/48"
        assert judged("64:ff9b:1::8.8.8.8", prefix) is None
        assert judged("64:ff9b:1::10.0.0.1", prefix) is not None
        assert judged("64:ff9b:1::10.0.0.1", prefix, "10.0.0.0/8") is None
        assert judged("64:ff9b:1:a00:0:100::", prefix) is not None  # 10.0.0.1 in the form of RFC 6052 for /48
        assert judged("64:ff9b:1:808:8:800::", prefix) is None

    def test_one_bad_address_refuses_the_name(self) -> None:
        """A name with a public and a private address is refused, in whatever order they come."""
        good, bad = ip_address("8.8.8.8"), ip_address("10.0.0.1")
        for addresses in ([good, bad], [bad, good]):
            with pytest.raises(InvalidMedia, match=r"host: 10\.0\.0\.1 is not public"):
                AddressGuard().require_allowed("host", *addresses)

    @given(st.ip_addresses(v=4))
    def test_ipv4_agrees_with_the_standard_library(self, address: IPv4Address) -> None:
        """What passes is global and no multicast by an independent table."""
        if AddressGuard().refusal(address) is None:
            assert address.is_global
            assert not address.is_multicast

    @given(
        st.one_of(
            st.ip_addresses(v=6),
            st.ip_addresses(v=6, network="2001::/16"),
            st.ip_addresses(v=6, network="::/64"),
            st.ip_addresses(v=6, network="fc00::/6"),
        )
    )
    def test_ipv6_agrees_with_the_standard_library(self, address: IPv6Address) -> None:
        """What passes is global and no multicast by an independent table."""
        if AddressGuard().refusal(address) is None:
            face = address.ipv4_mapped or address
            assert face.is_global
            assert not face.is_multicast

    @given(
        st.one_of(
            *(
                st.ip_addresses(v=4, network=network)
                for network in ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10"]
            )
        )
    )
    def test_no_wrapping_helps(self, inner: IPv4Address) -> None:
        """A refused IPv4 address is refused in every form that carries it."""
        number = int(inner)
        forms = [
            number,
            0xFFFF << 32 | number,
            int(ipaddress.IPv6Address("64:ff9b::")) | number,
            int(ipaddress.IPv6Address("64:ff9b:1::")) | number,
            0x2002 << 112 | number << 80 | 1,
            0x2001 << 112 | 0xFFFFFFFF ^ number,
            int(ipaddress.IPv6Address("2606:4700::5efe:0:0")) | number,
        ]
        for form in forms:
            assert AddressGuard().refusal(ipaddress.IPv6Address(form)) is not None
