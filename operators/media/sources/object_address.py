"""Object addresses such as `s3://bucket/key`, and which of them the workers may read with their own credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass

from operators.errors import InvalidMedia

PREFIXES_SETTING = "VIDSIGNAL_OBJECT_PREFIXES"
"""Named in refusals, so that an operator knows what to change."""
_SHAPE = re.compile(r"(?P<scheme>s3|gs|az)://(?P<bucket>[a-z0-9][a-z0-9._-]{1,221})/(?P<key>.+)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """One object."""

    scheme: str
    """`s3`, `gs` or `az`."""
    bucket: str
    key: str

    @property
    def origin(self) -> str:
        """`s3://bucket`."""
        return f"{self.scheme}://{self.bucket}"

    @property
    def name(self) -> str:
        """`s3://bucket/key`."""
        return f"{self.origin}/{self.key}"


def parse_object_address(url: str, prefixes: tuple[str, ...]) -> ObjectAddress:
    """Parse `url`, if it is below one of `prefixes`.

    Args:
        url: `s3://bucket/key`, `gs://bucket/key` or `az://container/key`; the key is not decoded.
        prefixes: such as `s3://uploads/` or `s3://uploads/videos/`; a prefix ends at a separator, so `s3://uploads`
            does not allow `s3://uploads-private/`.

    Raises:
        InvalidMedia: media-address-refused.
    """
    if not any(url.startswith(prefix if prefix.endswith("/") else f"{prefix}/") for prefix in prefixes):
        raise _refused(f"{url[:200]!r} is not below {list(prefixes)}; {PREFIXES_SETTING} says what may be read")
    found = _SHAPE.fullmatch(url)
    if found is None or _CONTROL.search(url):
        raise _refused(f"{url[:200]!r} is not s3://bucket/key, gs://bucket/key or az://container/key")
    if {"", ".", ".."} & set(found["key"].split("/")):  # a server that resolves them would leave the prefix
        raise _refused(f"{url[:200]!r}: a part of the key is empty, '.' or '..'")
    return ObjectAddress(found["scheme"], found["bucket"], found["key"])


def _refused(message: str) -> InvalidMedia:
    return InvalidMedia("media-address-refused", message)
