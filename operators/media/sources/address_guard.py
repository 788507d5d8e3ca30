"""Protects the workers' network from addresses that producers name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from operators.errors import InvalidMedia
from operators.media.sources.web_address import IPAddress

Network = IPv4Network | IPv6Network

# https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast
_REFUSED_IPV4 = {
    "this network": "0.0.0.0/8",
    "private": "10.0.0.0/8",
    "carrier-grade NAT": "100.64.0.0/10",
    "loopback": "127.0.0.0/8",
    "link-local, where metadata services are": "169.254.0.0/16",
    "private (172.16)": "172.16.0.0/12",
    "protocol assignments": "192.0.0.0/24",
    "documentation": "192.0.2.0/24",
    "6to4 relays": "192.88.99.0/24",
    "private (192.168)": "192.168.0.0/16",
    "benchmarking": "198.18.0.0/15",
    "documentation (198.51.100)": "198.51.100.0/24",
    "documentation (203.0.113)": "203.0.113.0/24",
    "multicast": "224.0.0.0/4",
    "reserved": "240.0.0.0/4",
    "a cloud's host agent": "168.63.129.16/32",  # Azure's WireServer, known only by its number
}
# https://www.iana.org/assignments/iana-ipv6-special-registry; the rest of 2000::/3 is global unicast
_REFUSED_IPV6 = {
    "protocol assignments and Teredo": "2001::/23",
    "documentation": "2001:db8::/32",
    "6to4": "2002::/16",
    "documentation (3fff)": "3fff::/20",
}
_GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_REFUSED: tuple[tuple[str, Network], ...] = tuple(
    (why, ipaddress.ip_network(text)) for why, text in (*_REFUSED_IPV4.items(), *_REFUSED_IPV6.items())
)
_ISATAP_MARKS = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214, 6.1: the upper half of the interface identifier
_LOW_32_BITS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Permits globally routable unicast, and networks that the operator allowed."""

    allowed_networks: tuple[Network, ...] = ()

    def refusal(self, address: IPAddress) -> str | None:
        """Return why nothing may be fetched from `address`, or None if it is permitted.

        An IPv6 address that contains an IPv4 address is checked by both.
        """
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            return f"{address} is of one interface"
        reasons = (_reason(face) for face in _faces(address) if not self._is_allowed(face))
        return next((reason for reason in reasons if reason), None)

    def require_allowed(self, name: str, *addresses: IPAddress) -> None:
        """Check every address of `name`: one that is refused refuses all.

        Raises:
            InvalidMedia: media-address-refused.
        """
        for address in addresses:
            reason = self.refusal(address)
            if reason is not None:
                raise InvalidMedia(
                    "media-address-refused",
                    f"{name}: {reason}; allowed are public addresses and the networks {self._spelt()}",
                )

    def _is_allowed(self, face: IPAddress) -> bool:
        return any(face.version == network.version and face in network for network in self.allowed_networks)

    def _spelt(self) -> list[str]:
        return [str(network) for network in self.allowed_networks]


def _reason(face: IPAddress) -> str | None:
    for why, network in _REFUSED:
        if face.version == network.version and face in network:
            return f"{face} is not public ({why})"
    if isinstance(face, IPv6Address) and face not in _GLOBAL_UNICAST_IPV6 and face not in _NAT64:
        return f"{face} is not public (no global unicast)"
    return None


def _faces(address: IPAddress) -> Iterator[IPAddress]:
    """Yield every address that a packet to `address` may reach."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:  # the kernel sends IPv4
        yield address.ipv4_mapped
    else:
        yield address
        yield from _embedded(address)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    low = IPv4Address(number & _LOW_32_BITS)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or number >> 32 == 0 or (number >> 32) & _LOW_32_BITS in _ISATAP_MARKS:
        yield low
    if address in _NAT64_LOCAL:
        yield _after_48_bits(number) if number & (2**40 - 1) == 0 else low


def _after_48_bits(number: int) -> IPv4Address:
    """Return the address after 48 bits, by RFC 6052, 2.2: 16 bits, eight zero bits, 16 bits."""
    return IPv4Address(((number >> 64) & 0xFFFF) << 16 | (number >> 40) & 0xFFFF)
