"""Parses a URL once, strictly: the checked address is the one that is connected to."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, urljoin

import idna
from yarl import URL

from operators.errors import InvalidMedia

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARACTERS = 8_192
_SHAPE = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?", re.IGNORECASE
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>\d{0,5}))?", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
_FULL_STOPS = re.compile("[\u3002\uff0e\uff61]")  # ideographic, fullwidth, halfwidth: UTS 46 maps them to dots
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|\d+", re.ASCII)
_ASCII_OF_URLS = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~\""
_MAX_NAME_CHARACTERS = 253


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Target of a request; created by `parse_web_address`."""

    scheme: str
    """`http` or `https`."""
    host: str
    """A lower-case ASCII name without a trailing dot, or an IP address in canonical form, IPv6 without brackets."""
    port: int
    target: str
    """Path and query, as sent."""
    literal: IPAddress | None
    """The address, if the host is one."""

    @property
    def origin(self) -> str:
        """`https://host:port`."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def name(self) -> str:
        """For messages: without the query, which may contain a signature."""
        return self.origin + self.target.partition("?")[0]

    @property
    def url(self) -> URL:
        """For the HTTP client, made of these parts only."""
        return URL(self.origin + self.target, encoded=True)

    def joined(self, location: str) -> WebAddress:
        """Return the target of a redirect.

        Raises:
            InvalidMedia: media-address-refused.
        """
        _require_plain(location)
        try:
            target = urljoin(self.origin + self.target, location)
        except ValueError as error:  # brackets without an IPv6 address, characters that NFKC turns into a delimiter
            raise _refused(f"the redirect to {_shown(location)} is not an address: {error}") from error
        return parse_web_address(target)


def parse_web_address(url: str) -> WebAddress:
    """Parse `url`.

    Hosts are parsed as browsers do (https://url.spec.whatwg.org/#host-parsing), so that decimal, octal, hexadecimal and
    short IPv4 forms, full-width digits and ideographic full stops are recognised as what they would connect to; user
    names, zone ids, percent signs in hosts and schemes other than http and https are refused.

    Raises:
        InvalidMedia: media-address-refused.
    """
    _require_plain(url)
    found = _SHAPE.fullmatch(url)
    if found is None or found["scheme"].lower() not in DEFAULT_PORTS:
        raise _refused(f"{_shown(url)} is not an http or https address")
    scheme = found["scheme"].lower()
    host, port = _host_and_port(found["authority"], scheme)
    literal = _literal(host)
    target = (found["path"] or "/") + (f"?{found['query']}" if found["query"] is not None else "")
    return WebAddress(
        scheme=scheme,
        host=_registered_name(host) if literal is None else str(literal),
        port=port,
        target=quote(target, safe=_ASCII_OF_URLS),
        literal=literal,
    )


def _require_plain(url: str) -> None:
    if len(url) > MAX_URL_CHARACTERS:
        raise _refused(f"an address of {len(url)} characters; at most {MAX_URL_CHARACTERS}")
    if _FORBIDDEN.search(url):
        raise _refused(f"{_shown(url)} holds a space, a backslash or a control character")
    if any("\ud800" <= character <= "\udfff" for character in url):
        raise _refused(f"{_shown(url)} holds half of a surrogate pair")


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    if "@" in unicodedata.normalize("NFKC", authority):
        raise _refused("a user name or password in an address is refused")
    found = _AUTHORITY.fullmatch(authority)
    if found is None or not found["host"]:
        raise _refused(f"{authority!r} is not a host with an optional port")
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS[scheme]
    if not 0 < port < 2**16:
        raise _refused(f"port {port} is not between 1 and 65535")
    return found["host"], port


def _literal(host: str) -> IPAddress | None:
    if host.startswith("["):
        return _ipv6(host)
    ascii_host = _with_ascii_dots(host).removesuffix(".")
    last = ascii_host.rpartition(".")[2]
    return _ipv4(ascii_host) if _NUMBER.fullmatch(last) else None


def _ipv6(host: str) -> IPAddress:
    inside = host[1:-1]
    try:
        if not inside.isascii() or "%" in inside:  # a zone id names an interface of this machine
            raise ValueError(inside)
        return ipaddress.IPv6Address(inside)
    except ValueError as error:
        raise _refused(f"{host!r} is not an IPv6 address without a zone") from error


def _ipv4(host: str) -> IPAddress:
    """Parse as `inet_aton` does: `127.1`, `0x7f.1`, `017700000001` and `2130706433` are all 127.0.0.1."""
    parts = host.split(".")
    try:
        numbers = [_number(part) for part in parts]
    except ValueError as error:
        raise _refused(f"{host!r} is not an IPv4 address") from error
    *leading, last = numbers
    if len(parts) > 4 or any(number > 255 for number in leading) or last >= 256 ** (5 - len(parts)):
        raise _refused(f"{host!r} is not an IPv4 address")
    shifts = (24, 16, 8)
    value = last + sum(number << shift for number, shift in zip(leading, shifts, strict=False))
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    if _NUMBER.fullmatch(part) is None:
        raise ValueError(part)
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)


def _registered_name(host: str) -> str:
    name = _with_ascii_dots(host).removesuffix(".").lower()
    if not name.isascii():
        name = _idna(name)
    if len(name) > _MAX_NAME_CHARACTERS or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _refused(f"{host!r} is not a host name")
    return name


def _with_ascii_dots(host: str) -> str:
    """Replace compatibility characters (full-width and circled digits), and every kind of full stop by a dot."""
    return unicodedata.normalize("NFKC", _FULL_STOPS.sub(".", host))


def _idna(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise _refused(f"{name!r} is not a host name") from error


def _shown(url: str) -> str:
    """Return the URL without parts that may be secret: user name and query."""
    return repr(re.sub(r"//[^/]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])[:200])


def _refused(message: str) -> InvalidMedia:
    return InvalidMedia("media-address-refused", message)
