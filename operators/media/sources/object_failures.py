"""Interprets an object store's errors: the media's fault, our credentials', or temporary."""

from __future__ import annotations

import re

from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from operators.errors import InvalidMedia, SourceUnavailable
from operators.media.sources.object_address import ObjectAddress
from operators.media.sources.retries import TryAgain

OBJECT_STORE_ERRORS = (BaseError, FileNotFoundError)
"""Errors of obstore."""

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and Azure's and Google's codes for the same
_CREDENTIALS_AT_FAULT = frozenset(
    {
        "AccountProblem",
        "AuthenticationFailed",
        "AuthenticationRequired",
        "ExpiredAuthenticationToken",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidAuthenticationInfo",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
_CODE = re.compile(r"<Code>(\w{1,80})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")


def meaning(failure: Exception, address: ObjectAddress) -> Exception:
    """Return what to raise instead of an error of obstore.

    Messages contain the store's error code and the status, never its text, which may contain a signed address.

    Returns:
        `InvalidMedia` if the store answered about the object, `SourceUnavailable` if our credentials are at fault,
        because they may be renewed, and `TryAgain` for the rest.
    """
    text = str(failure)
    seen = _seen(text)
    if _code(text) in _CREDENTIALS_AT_FAULT or isinstance(failure, UnauthenticatedError):
        return SourceUnavailable(address.origin, f"the credentials are refused: {seen}")
    if isinstance(failure, FileNotFoundError):
        return InvalidMedia("media-missing", f"{address.name}: {seen}")
    if isinstance(failure, PermissionDeniedError):
        return InvalidMedia("media-forbidden", f"{address.name}: {seen}")
    if isinstance(failure, PreconditionError):
        return InvalidMedia("media-changed", f"{address.name} became another object while it was read")
    if isinstance(failure, InvalidPathError):
        return InvalidMedia("media-address-refused", f"{address.name!r} is not a key that can be read")
    return TryAgain(f"{address.name}: {seen}")


def is_behind_the_end(failure: Exception) -> bool:
    """Return whether a range began after the end, as in an empty object."""
    found = _STATUS.search(str(failure))
    return found is not None and found[1] == "416"


def _code(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None


def _seen(text: str) -> str:
    found = _STATUS.search(text)
    if found is not None:
        return f"status {found[1]}, {_code(text) or 'no code'}"
    if "incorrectly configured region" in text:
        return "the bucket is in another region than the one that is configured"
    return "no answer"
