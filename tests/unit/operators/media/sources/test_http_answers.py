"""Headers of an answer: whatever an origin writes, it is understood or refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.errors import InvalidMedia
from operators.media.sources.http_answers import announced_bytes, content_range, require_media, validators_of
from operators.media.sources.retries import TryAgain

_NEAR_DATES = st.from_regex(
    r"(Mon, )?[0-9]{1,2} (Jan|Foo) -?[0-9]{1,12} [0-9]{1,3}:[0-9]{1,3}(:[0-9]{1,3})? ?(GMT|[+-][0-9]{1,9})?"
)
_NEAR_RANGES = st.from_regex(r"bytes [0-9]{0,20}-[0-9]{0,20}/([0-9]{0,20}|\\*)")
_HEADER_VALUES = st.one_of(st.text(max_size=40), _NEAR_DATES, _NEAR_RANGES, st.integers().map(str))
_HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "Content-Range", "Content-Length", "Content-Encoding", "ETag", "Last-Modified"]),
    _HEADER_VALUES,
)


@given(st.integers(100, 999), _HEADERS)
@settings(max_examples=2_000)
def test_any_answer_is_understood_or_refused(status: int, headers: dict[str, str]) -> None:
    """No header raises anything but what the callers expect, and no wait is negative."""
    try:
        require_media("origin", status, headers)
    except TryAgain as again:
        assert again.retry_after_seconds is None or again.retry_after_seconds >= 0.0
    except InvalidMedia as refused:
        assert refused.cause.startswith("media-")
    for read in (content_range, announced_bytes):
        with contextlib.suppress(InvalidMedia):
            read("origin", headers)
    validators_of(headers)


@pytest.mark.parametrize(
    "text", ["Mon, 01 Jan 99999999999 00:00:00 GMT", "01 Jan 2026 00:00:00 +9999999999", "soon", "-1", ""]
)
def test_a_retry_after_that_is_no_date_is_ignored(text: str) -> None:
    """An origin that asks for another attempt at no possible time gets one at the usual time."""
    with pytest.raises(TryAgain) as caught:
        require_media("origin", 503, {"Retry-After": text})
    assert caught.value.retry_after_seconds is None
