"""What a status means is decided by its number alone."""

from __future__ import annotations

import math

import pytest

from operators.errors import Overloaded, ServerUnavailable
from operators.inference.loaded_model import RequestTerms
from operators.inference.remote.faults import BatchFault, ModelMissing, NotReady, RequestRefused, shown, status_fault
from operators.inference.remote.request_time import request_seconds

ORIGIN = "https://models.example:443"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused), (413, RequestRefused), (415, RequestRefused), (422, RequestRefused),
        (401, ServerUnavailable), (403, ServerUnavailable), (404, ModelMissing), (408, ServerUnavailable),
        (429, Overloaded), (503, NotReady), (500, BatchFault), (502, ServerUnavailable), (504, ServerUnavailable),
        (307, ServerUnavailable), (204, ServerUnavailable),
    ],
)  # fmt: skip
def test_statuses(status: int, kind: type[Exception]) -> None:
    """Refused requests are not repeated, credentials and redirects may be mended, and full servers are asked later."""
    fault = status_fault(ORIGIN, status, "CUDA out of memory, try again, 400")
    assert type(fault) is kind
    assert str(status) in str(fault)
    assert ORIGIN in str(fault)


def test_a_message_is_made_harmless() -> None:
    """One line without control characters, limited in length."""
    assert shown("a\nb\x1b[31m\tc") == "a b[31m c"
    assert len(shown("x" * 10_000)) == 300
    assert shown("\n") == "no message"


@pytest.mark.parametrize(("left", "expected"), [(math.inf, 30.0), (100.0, 30.0), (7.0, 7.0), (0.2, 30.0), (-5.0, 30.0)])
def test_time_of_a_request(left: float, expected: float) -> None:
    """Until the deadline, unless that has passed or is so near that nothing would be answered."""
    assert request_seconds(RequestTerms(left), 30.0) == expected
