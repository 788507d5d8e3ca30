"""What an object store's refusals mean: for the media, for our credentials, or for a while only."""

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
"""What obstore raises."""

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and Azure's and Google's words for the same
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
    """Return what to raise instead of an error of obstore's.

    Messages hold the store's word for it and the status, never its text, in which a signed address may stand.

    Returns:
        `InvalidMedia` where the store has answered about the object, `SourceUnavailable` where our credentials are at
        fault, since somebody will renew them, and `TryAgain` for the rest.
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
    """Whether a range began where there are no bytes, as in an empty object."""
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
        return "the bucket lies in another region than the one that is configured"
    return "no answer"
