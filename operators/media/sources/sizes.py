"""Permitted lengths of media."""

from __future__ import annotations

from operators.errors import InvalidMedia


def require_size(name: str, size_bytes: int, *, max_bytes: int, named_bytes: int | None) -> None:
    """Check a length before anything is fetched or waited for.

    Args:
        name: for messages.
        size_bytes: actual or announced.
        max_bytes: permitted.
        named_bytes: in the event.

    Raises:
        InvalidMedia: media-empty, media-too-large or media-size-mismatch.
    """
    if size_bytes == 0:
        raise InvalidMedia("media-empty", f"{name} has no bytes")
    if size_bytes > max_bytes:
        raise InvalidMedia("media-too-large", f"{name} has {size_bytes} bytes; at most {max_bytes}")
    if named_bytes is not None and size_bytes != named_bytes:
        raise InvalidMedia("media-size-mismatch", f"{name} has {size_bytes} bytes; the event says {named_bytes}")
