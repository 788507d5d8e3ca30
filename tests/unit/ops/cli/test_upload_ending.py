"""What became of a published upload, from what Redis says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.cli.ending_lines import describe_ending, ending_document
from ops.cli.upload_ending import PublishedUpload, SenderReading, ending_of, read_for_sender
from schemas.warnings import EventWarning
from streams.store.deletion_reading import DeletionReading
from streams.store.keys import Keys
from tests.unit.ops.cli.senders import NOTHING, reading, refusal, status, upload

DELETED = DeletionReading(revision=1)


@pytest.mark.parametrize(
    ("published", "said", "word", "is_good"),
    [
        (upload(), reading(status()), "final", True),
        (upload(), reading(None, refusal()), "refused", False),
        (upload(), reading(status("pending"), refusal()), "refused", False),
        (upload(), reading(status(), refusal()), "refused", False),
        (upload(), reading(status(), refusal(6)), "final", True),
        (upload(), reading(status(), refusal(role="media")), "final", False),
        (upload(1), reading(status("pending", 2)), "superseded", False),
        (upload(1), reading(deletion=DELETED), "deleted", False),
        (upload(1, earlier=status()), reading(status()), "final", True),
        (upload(1, earlier=status(has_failures=True)), reading(status(offset=9)), "final", True),
        (upload(1, earlier=status(has_failures=True)), reading(status(has_failures=True), refusal(role="media")),
         "final", False),
    ],
)  # fmt: skip
def test_ends(published: PublishedUpload, said: SenderReading, word: str, is_good: bool) -> None:
    """By the place of the event, never by what was refused of other events of the id."""
    ending = ending_of(published, said)
    assert ending is not None
    assert (ending.word, ending.is_good) == (word, is_good)
    assert describe_ending(published, ending)
    assert ending_document(published, ending)["ending"] == word


@pytest.mark.parametrize(
    ("published", "said"),
    [
        (upload(), NOTHING),
        (upload(), reading(None, refusal(6))),
        (upload(), reading(status("pending"))),
        (upload(), reading(status("provisional"), refusal(role="media"))),
        (upload(2), reading(status("final", 1))),
        (upload(2), reading(deletion=DELETED)),
        (upload(1, earlier=status(has_failures=True)), reading(status(has_failures=True))),
    ],
)
def test_is_open(published: PublishedUpload, said: SenderReading) -> None:
    """Not known yet, not decided yet, or what had failed is being tried again."""
    assert ending_of(published, said) is None
    assert ending_document(published, None)["ending"] is None
    assert "neither final nor refused" in describe_ending(published, None)[0]


def test_a_refusal_is_told_with_what_to_do() -> None:
    """Cause, place, what was found and the advice stand in the lines."""
    lines = describe_ending(upload(), ending_of(upload(), reading(None, refusal(revision=3))))
    told = "\n".join(lines)
    assert all(word in told for word in ("event-invalid", "revision 3", "video.uploaded/0@7", "no", "correct it"))


def test_warnings_are_told_and_are_no_fault() -> None:
    """Accepted and decided, with a line for what is likely a mistake, and the same for scripts."""
    found = EventWarning(kind="unknown-market", message="no country has that code", field="market")
    ending = ending_of(upload(), reading(replace(status(), warnings=(found,))))
    assert ending is not None and ending.is_good
    assert "  warning (unknown-market) market: no country has that code" in describe_ending(upload(), ending)
    assert ending_document(upload(), ending)["warnings"] == (found,)


class _Store:
    """Holds one status, and nothing else."""

    def __init__(self, status: dict[bytes, bytes]) -> None:
        self._keys = {Keys("").status("v-1"): status}

    async def get(self, name: str, /) -> bytes | None:
        return None

    async def hgetall(self, name: str, /) -> dict[bytes, bytes]:
        return self._keys.get(name, {})

    def pipeline(self, transaction: bool = True) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("revision", [b"", b"x", b"-1", b"\xff", b"9" * 5_000, "\u0661".encode()])
async def test_a_status_that_nobody_of_us_wrote_ends_no_command(revision: bytes) -> None:
    """What cannot be read of it is left out."""
    store = _Store({b"status": b"final", b"revision": revision, b"\xff": b"\xff", b"warnings": b"{"})
    said = await read_for_sender(store, Keys(""), "v-1")
    assert (said.status.status, said.status.revision, said.status.warnings) == ("final", 0, ())
