"""What parses bytes that somebody else wrote: each target raises nothing but what its callers expect.

They run in the gate with bytes that hypothesis makes up, and with atheris, which follows the code (`make fuzz`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import typer

from operators.captions.caption_answer import caption_of
from operators.errors import InvalidMedia
from operators.inference.loaded_model import ServerUsage
from operators.inference.remote.chat_client import BadAnswer, ChatAnswer
from operators.judge.judge_answer import answers_of
from operators.media.ipc_messages import LENGTH_BYTES, body_length, decode_reply
from operators.media.ledgers.ledger import MAX_SECONDS
from operators.media.sources.http_answers import announced_bytes, content_range, require_media, validators_of
from operators.media.sources.object_address import parse_object_address
from operators.media.sources.retries import TryAgain
from operators.media.sources.web_address import parse_web_address
from ops.cli.metadata_file import read_metadata
from schemas.codec import Headers, decode_engagement, decode_fact, encode, event_headers
from schemas.dead_letters import DeadLetter
from schemas.errors import InvalidEvent
from streams.dead_letters.dead_letter_index import dead_letter_key
from streams.dead_letters.dead_letters import dead_letter_id
from streams.dead_letters.redrive import redriven_headers
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import parse_policy
from streams.record import Place, Record
from streams.uploads.headers import as_uploaded, backfill_headers, passed_on
from streams.uploads.places import PLACE_HEADER, original_place
from streams.uploads.reading import read_upload
from tests.fuzz.containers import SMALLEST, WALKS, walked

Target = Callable[[bytes], object]

_HEADERS: Final = (
    "traceparent", PLACE_HEADER, "vidsignal-redrive", "vidsignal-job", "vidsignal-uploaded-unix-seconds", "ce_type",
)  # fmt: skip
_PLACE: Final = Place("video.uploaded", 0, 7)


def record_of(data: bytes) -> Record:
    """A record whose key, headers and value are parts of the data, cut at its zero bytes."""
    key, *contents = data.split(b"\0", len(_HEADERS) + 1)
    headers = tuple(zip(_HEADERS, contents, strict=False))
    value = contents[-1] if len(contents) > len(_HEADERS) else data
    return Record(_PLACE, key, value, headers, 1_700_000_000.0, 1)


def uploads(data: bytes) -> None:
    """An event of `video.uploaded`, as intake and media read it."""
    try:
        read_upload(record_of(data))
    except InvalidEvent:
        return


def facts(data: bytes) -> None:
    """A record of the log."""
    try:
        decode_fact(data)
    except InvalidEvent:
        return


def engagement(data: bytes) -> None:
    """A client's event."""
    try:
        decode_engagement(data)
    except InvalidEvent:
        return


def headers(data: bytes) -> None:
    """Headers of whatever event: its place, time, trace, and the dead letter that keeps them."""
    record = as_uploaded(record_of(data))
    passed = passed_on(record)
    backfill_headers(record.headers, record.timestamp_unix_seconds, place=original_place(record.source, record.headers))
    letter = _letter(record)
    encode(letter)
    redriven_headers(letter)
    traced = dict(record.headers).get("traceparent")
    event_headers(letter, event_id="a", source="b", now_unix_seconds=1.0, traceparent=traced)
    assert all(isinstance(value, bytes) for _, value in passed)


def _letter(record: Record) -> DeadLetter:
    kept: Headers = record.headers
    identity = dead_letter_id(record.place)
    assert dead_letter_key(record.key, identity)
    return DeadLetter(
        dead_letter_id=identity, cause="event-invalid", message="", role="intake", attempts=1,
        source=record.source,
        source_timestamp_unix_seconds=record.timestamp_unix_seconds, failed_unix_seconds=1.0, key=record.key,
        headers=kept, value=record.value, value_bytes=len(record.value or b""), value_sha256="",
    )  # fmt: skip


def answers(data: bytes) -> None:
    """Status and headers of a web server's answer."""
    names = ("Retry-After", "Content-Range", "Content-Length", "Content-Encoding", "ETag", "Last-Modified")
    status, *values = data.decode("latin-1").split("\n", len(names))
    said = dict(zip(names, values, strict=False))
    number = int(status) if status.isascii() and status.isdigit() and len(status) < 4 else 503
    for read in (
        lambda: require_media("name", number, said),
        lambda: content_range("name", said),
        lambda: announced_bytes("name", said),
        lambda: validators_of(said).contradict(validators_of(said)),
    ):
        try:
            read()
        except (InvalidMedia, TryAgain):
            continue


def redirects(data: bytes) -> None:
    """A `Location` header, next to an address that was asked."""
    asked = parse_web_address("https://origin.example/a/b?c")
    try:
        asked.joined(data.decode("utf-8", "surrogateescape"))
    except InvalidMedia:
        return


def addresses(data: bytes) -> None:
    """What an event names as its media."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in (parse_web_address, lambda found: parse_object_address(found, ("s3://uploads/", "az://a/"))):
        try:
            parse(text)
        except InvalidMedia:
            continue


def policies(data: bytes) -> None:
    """A policy file."""
    try:
        parse_policy(data)
    except InvalidPolicy:
        return


def metadata(data: bytes) -> None:
    """A metadata file of `publish` and `analyze`."""
    fd = os.memfd_create("metadata")
    try:
        os.write(fd, data)
        read_metadata(Path(f"/proc/self/fd/{fd}")).fields_of("clip.mp4")
    except typer.Exit:
        return
    finally:
        os.close(fd)


def decoder_messages(data: bytes) -> None:
    """What a decoder process says, which may be in the hands of the media it reads."""
    try:
        body_length(data[:LENGTH_BYTES])
        decode_reply(data[LENGTH_BYTES:])
    except (ValueError, msgspec.DecodeError):
        return


def ledgers(data: bytes) -> None:
    """A container's structure: what is found in it is in the file."""
    if data[:1] not in WALKS:
        return
    content = data[1:]
    found = walked(data[:1], content)
    assert 0 <= found.end <= len(content)
    assert all(0 <= start < stop <= len(content) for start, stop in (*found.strays, *found.notes, *found.pictures))
    assert all(0 <= seconds <= MAX_SECONDS for seconds in found.stream_seconds.values())


def chat_answers(data: bytes) -> None:
    """What a chat model answered, as a caption and as a judge's words."""
    answer = ChatAnswer(data.decode("utf-8", "surrogateescape"), "stop", ServerUsage("", 0.0))
    caption_of(answer, ["A cat rides a bike."])
    with suppress(BadAnswer):
        answers_of(answer, 2)


TARGETS: Final[dict[str, Target]] = {
    target.__name__: target
    for target in (
        uploads, facts, engagement, headers, answers, redirects, addresses, policies, metadata,
        decoder_messages, ledgers, chat_answers,
    )
}  # fmt: skip
"""By name."""

SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "uploads": (
        b'v\0\0\0\0\0\0\0{"video_id":"v","source":{"kind":"file","path":"a.mp4"}}',
        b'v\0\0\0\0\0\0\0{"video_id":"v","deleted":true}',
    ),
    "facts": (b'{"kind":"deadline","video_id":"v","revision":1}',),
    "engagement": (b'{"video_id":"v","event_id":"e","kind":"view"}',),
    "headers": (
        b"v\x0000-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\0"
        + json.dumps({"topic": "video.uploaded", "partition": 0, "offset": 3}).encode() + b"\x001\0job\x001.5\0x",
    ),
    "answers": (
        b"206\n120\nbytes 0-9/100\n10\nidentity\n\"a\"\nMon, 01 Jan 2024 00:00:00 GMT",
        b"503\nMon, 01 Jan 99999999999 00:00:00 GMT",
    ),
    "redirects": (b"http://[", b"//[x", b"http://[not-ip]/", "http://\u2100/".encode(), b"../x?y#z"),
    "addresses": (b"https://host.example:443/a?b", b"s3://uploads/day/a.mp4", b"http://0x7f.1/"),
    "policies": (b"name: a\nversion: '1'\nfloor: 0.1\nrules: {}\n", b"? [a]\n: b\n", b"a: &x [*x]\n"),
    "metadata": (b'{"clip.mp4": {"title": "a"}}', b'{"clip.mp4": "a"}', b'{"title": "a"}'),
    "decoder_messages": (b'\0\0\0\x20{"type":"Failed","cause":"media-empty","message":"a"}',),
    "ledgers": SMALLEST,
    "chat_answers": (
        b'{"title":"A cat","caption":"A cat on a bike.","hashtags":["cat"]}', b'{"q1":"yes","q2":"unsure"}',
        b'{"title":"\\ud800","caption":"","hashtags":[]}',
    ),
}  # fmt: skip
"""Inputs that mean something, to begin from; and those that ended processes once."""
