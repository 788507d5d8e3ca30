"""What senders are told of events that are refused: where, what was found, what is allowed, what was likely meant."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode_engagement, decode_fact, decode_upload_or_deletion
from schemas.errors import InvalidEvent
from schemas.uploads import VideoUploaded

VALID: dict[str, Any] = {"video_id": "v-1", "source": {"kind": "file", "path": "a.mp4"}}
VIEW: dict[str, Any] = {"event_id": "e-1", "video_id": "v-1", "kind": "view", "event_unix_seconds": 1.0}
REVIEW: dict[str, Any] = {
    "kind": "review", "video_id": "v-1", "revision": 1, "action": "allow", "reviewer": "a", "reason": "",
    "event_unix_seconds": 1.0,
}  # fmt: skip
JSON = json.dumps(VALID).encode()


def message(value: Any, decode: Callable[[bytes | None], Any] = decode_upload_or_deletion) -> str:
    """What is told of a value; what is not bytes is sent as JSON."""
    with pytest.raises(InvalidEvent) as caught:
        decode(value if isinstance(value, bytes | None) else json.dumps(value).encode())
    return caught.value.message


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"market": "de"}, "$.market is 'de'; allowed: two capital letters, an ISO 3166-1 alpha-2 country code"),
        ({"market": "de"}, "did you mean 'DE'?"),
        ({"market": "usa"}, "did you mean 'US'?"),
        ({"market": "uk"}, "did you mean 'GB'?"),
        ({"market": None, "lane": "Live"}, "$.lane is 'Live'; allowed: backfill, live; did you mean 'live'?"),
        ({"revision": "2"}, "$.revision is '2'; allowed: a whole number from 1; write 2, without quotes"),
        ({"revision": 0}, "$.revision is 0; allowed: a whole number from 1"),
        ({"revision": True}, "$.revision is true; allowed: a whole number from 1"),
        ({"deadline_seconds": 0}, "$.deadline_seconds is 0; allowed: a number above 0 up to 604800"),
        ({"deadline_seconds": "30"}, "write 30, without quotes"),
        ({"video_id": 7}, "$.video_id is 7; allowed: 1 to 128 of the characters A-Z a-z 0-9 . _ : ~ -"),
        ({"video_id": "a/b"}, "$.video_id is 'a/b'; allowed: 1 to 128"),
        ({"video_id": "v\n"}, "$.video_id is 'v\\n'; allowed"),
        ({"hashtags": "a"}, "$.hashtags is 'a'; allowed: a list, of which each is a text"),
        ({"hashtags": ["a", 5]}, "$.hashtags[1] is 5; allowed: a text"),
        ({"creator_id": "x" * 300}, "(300 characters); allowed: a text of at most 200 characters"),
        ({"source": "/media/a.mp4"}, '$.source is \'/media/a.mp4\'; allowed: {"kind": "file", "path": ...} or'),
        ({"source": {"kind": "ftp"}}, "$.source.kind is 'ftp'; allowed: file, url, object"),
        ({"source": {"kind": "files", "path": "a"}}, "did you mean 'file'?"),
        ({"source": {"path": "a"}}, "$.source lacks the field 'kind', which is file, url, object; it has path"),
        ({"source": {"kind": "file", "pat": "a"}}, "$.source lacks the field 'path', which is a text of 1 to 4096"),
        ({"source": {"kind": "file", "paths": "a"}}, "it has 'paths'; did you mean 'path'?"),
        ({"source": {"kind": "url", "url": "s3://b/k"}}, "s3://, gs:// and az:// are of kind object"),
        ({"source": {"kind": "object", "url": "https://a.example/k"}}, "http addresses are of kind url"),
        ({"source": {"kind": "file", "path": "a", "sha256": "0"}}, "64 lower-case hexadecimal digits"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_field_of_an_upload(fields: dict[str, Any], says: str) -> None:
    """Field, value found, what is allowed, and what was likely meant."""
    assert says in message({**VALID, **fields})


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"video_id": "v"}, 'an upload lacks the field \'source\', which is {"kind": "file", "path": ...} or'),
        ({"video_id": "v", "Source": {}}, "write Source as source"),
        ({"videoId": "v", "source": VALID["source"], "deadlineSeconds": 3}, "write videoId as video_id, deadlineS"),
        ({"videoId": "v", "source": {"path": "a"}}, "lower snake_case: write videoId as video_id"),
        ({"id": "v", "source": VALID["source"]}, "an upload lacks the field 'video_id', which is 1 to 128 of"),
        ({"video_id": "v", "delete": True}, "$.delete is true; allowed: true, under the name 'deleted'"),
        ({"video_id": "v", "deleted": "true"}, "$.deleted is 'true'; allowed: true"),
        ({"video_id": "v", "deleted": True, "revision": "3"}, "$.revision is '3'; allowed: a whole number from 1"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_names_of_fields(event: dict[str, Any], says: str) -> None:
    """What is lacking, what there is instead, and how a deletion is written."""
    assert says in message(event)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({**VIEW, "kind": "Like"}, "did you mean 'like'?"),
        ({**VIEW, "watch_seconds": -1}, "$.watch_seconds is -1; allowed: a number from 0"),
        ({"eventId": "e"}, "an engagement event lacks the field 'event_id'"),
        (None, "an engagement event is a JSON object"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_engagement(event: dict[str, Any] | None, says: str) -> None:
    """The same for what clients say."""
    assert says in message(event, decode_engagement)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (
            {**REVIEW, "action": "blok"},
            "$.action is 'blok'; allowed: allow, block, limit, review; did you mean 'block'?",
        ),
        ({**REVIEW, "revision": "1"}, "$.revision is '1'; allowed: a whole number from 1"),
        ({"kind": "reviw"}, "did you mean 'review'?"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_reviews(event: dict[str, Any], says: str) -> None:
    """The same for what people decide."""
    assert says in message(event, decode_fact)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, 'to delete a video, send {"video_id": "...", "deleted": true}'),
        (b"null", 'to delete a video, send {"video_id": "...", "deleted": true}'),
        (b" ", "the value is empty"),
        (base64.b64encode(JSON), "the value is base64 of JSON"),
        (base64.urlsafe_b64encode(JSON).rstrip(b"="), "the value is base64 of JSON"),
        (json.dumps(base64.b64encode(JSON).decode()).encode(), "the value is base64 of JSON"),
        (base64.b64encode(gzip.compress(JSON, mtime=0)), "base64, and within it the value is compressed with gzip"),
        (b"\0\0\0\0\x2a" + JSON, "schema registry (magic 0, schema id 42) and holds JSON"),
        (b"\0\0\0\1\0\x02\x06abc", "schema registry (magic 0, schema id 256) and holds Avro or Protobuf"),
        (
            {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": VALID},
            "CloudEvent in structured mode",
        ),
        ({"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data_base64": "e30="}, "headers ce_id"),
        (json.dumps(JSON.decode()).encode(), "encoded twice"),
        ([VALID, VALID], "a JSON array of 2 items; send each event as a record of its own"),
        (7, "the JSON value 7"),
        (gzip.compress(JSON, mtime=0), "compressed with gzip"),
        (bz2.compress(JSON), "compressed with bzip2"),
        (lzma.compress(JSON), "compressed with xz"),
        (b"\x28\xb5\x2f\xfd\x00", "compressed with zstd"),
        (b"\x82SNAPPY\x00\x00", "compressed with snappy"),
        (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy"),
        (JSON.decode().encode("utf-16"), "the value is UTF-16"),
        (JSON.decode().encode("utf-16-le"), "the value is UTF-16"),
        (JSON.decode().encode("utf-16-be"), "the value is UTF-16"),
        (JSON.decode().encode("utf-32"), "the value is UTF-32"),
        (JSON.decode().encode("utf-8-sig"), "UTF-8 with a byte order mark"),
        (str(VALID).encode(), "use json.dumps"),
        (b"<xml/>", "XML"),
        (b"Obj\x01\x02", "an Avro object container"),
        (b"\xac\xed\x00\x05t", "a serialised Java object"),
        (b"\x82\xa8video_id\xa1v", "MessagePack"),
        (b"\xa2hvideo_idav", "CBOR"),
        ({"schema": {}, "payload": VALID}, "value.converter.schemas.enable=false"),
        ({"event": VALID}, "the event is within the field 'event'"),
        (JSON + JSON, "send one event a record"),
        (JSON[:-3], "it ends too early"),
        (b'{"video_id": "v", "deadline_seconds": NaN}', "JSON knows neither NaN nor Infinity"),
        ('{"video_id": "v", "title": "é"}'.encode("latin-1"), "not UTF-8"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_encodings_are_named(value: Any, says: str) -> None:
    """What the bytes are, and what to do instead."""
    assert says in message(value)


@pytest.mark.parametrize("address", ["ftp://user:word@host/k?sig=SECRET#SECRET", "htps://host/k?sig=SECRET"])
def test_no_secret_of_an_address_is_told(address: str) -> None:
    """Neither its query nor who logs in, wherever it stands."""
    for told in (message({**VALID, "source": {"kind": "url", "url": address}}), message({**VALID, "source": address})):
        assert "SECRET" not in told
        assert "word" not in told


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from([*VideoUploaded.__struct_fields__, "deleted", "Source", "videoId", "kind"]) | st.text(
    max_size=9
)


@given(st.dictionaries(_NAMES, _JSON_VALUES, max_size=5), st.booleans())
def test_any_object_is_read_or_told_of_in_one_short_line(event: dict[str, Any], with_valid: bool) -> None:
    """Whatever a sender writes, diagnosing it never fails and never gets long."""
    value = json.dumps({**VALID, **event} if with_valid else event).encode()
    for decode in (decode_upload_or_deletion, decode_engagement, decode_fact):
        try:
            decode(value)
        except InvalidEvent as error:
            assert 0 < len(error.message) <= 1_000
            assert "\n" not in error.message


@given(
    st.sampled_from([b"\0", b"{", b"[", b'"', b"\x1f\x8b", b"\xff\xfe", b"\x82", b"ey", b"{'"]), st.binary(max_size=200)
)
def test_any_bytes_are_told_of_in_one_short_line(mark: bytes, rest: bytes) -> None:
    """The same for bytes that begin as a known encoding does."""
    try:
        decode_upload_or_deletion(mark + rest)
    except InvalidEvent as error:
        assert 0 < len(error.message) <= 1_000
        assert "\n" not in error.message


@pytest.mark.parametrize(
    "wrap", [lambda it: [it], lambda it: {it: 1}, lambda it: [{"a": it}], lambda it: f" {it}"], ids=[*"abcd"]
)
@pytest.mark.parametrize("address", ["http://u:hunter2@a/k?sig=hunter2", "u:hunter2@a.example/k?sig=hunter2"])
@pytest.mark.parametrize("place", ["url", "kind"])
def test_no_secret_is_told_of_an_address_that_is_written_oddly(
    place: str, address: str, wrap: Callable[[str], Any]
) -> None:
    """In a list, as a name, without its scheme, or where a kind belongs."""
    assert "hunter2" not in message({**VALID, "source": {"kind": "url", "url": "http://a", place: wrap(address)}})


def test_what_the_library_quotes_is_told_in_one_line() -> None:
    """Of a value that cannot be looked at, since a name in it is no text."""
    said = message(b'{"\xff": 1, "video_id": "v", "source": {"kind": "\\u001b]0;x\\n http://u:hunter2@a?hunter2"}}')
    assert said.isprintable()
    assert "hunter2" not in said
