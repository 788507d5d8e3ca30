"""Messages between parent and decoder process: length-prefixed JSON over a socket pair."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from operators.errors import MediaCause
from operators.media.index import MediaIndex, StreamFault
from operators.media.layout import MemoryLayout
from operators.media.plan import PlanPolicy, VideoPlan
from operators.media.receipt import DecodeUsage
from operators.media.tracks import AudioSpan, MotionSpan

LENGTH_BYTES = 4
MAX_MESSAGE_BYTES = 8 * 2**20
"""An index with 10,000 keyframes needs 0.2 MB; no valid message is close to this limit."""


class DecodeRequest(msgspec.Struct, tag=True, frozen=True):
    """Decode one file. Two descriptors are attached: the media and the memory to write to."""

    size_bytes: int
    policy: PlanPolicy
    is_whole: bool = True
    """Whether every byte can be read; otherwise the process requests byte ranges."""
    look: VideoPlan | None = None
    """Pictures of a second look: nothing else is decoded, and the index is not read again."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The process is locked down and waits for requests."""

    is_network_isolated: bool


class ByteRange(msgspec.Struct, tag=True, frozen=True):
    """Bytes `[start, stop)` of the media are needed before work continues; answered with `AVAILABLE` or
    `UNAVAILABLE`."""

    start: int
    stop: int


AVAILABLE = b"\1"
UNAVAILABLE = b"\0"
"""The parent knows the reason, and raises it to the agents."""


class Indexed(msgspec.Struct, tag=True, frozen=True):
    """The index was read."""

    index: MediaIndex


class Planned(msgspec.Struct, tag=True, frozen=True):
    """The memory has its final size from now on."""

    layout: MemoryLayout


@dataclass(frozen=True, slots=True)
class FrameSlot:
    """A sampled frame in the shared memory; upright, so width and height may be swapped compared with the plan."""

    slot: int
    pts_seconds: float
    height: int
    width: int
    is_keyframe: bool


class FramesReady(msgspec.Struct, tag=True, frozen=True):
    """Further sampled frames, in order of time."""

    frames: tuple[FrameSlot, ...]


@dataclass(frozen=True, slots=True)
class TextSlot:
    """A picture in the shared memory in which text is looked for; upright, like `FrameSlot`."""

    slot: int
    pts_seconds: float
    height: int
    width: int
    alike_seconds: tuple[float, ...]
    """Times of the sampled pictures that seem to show the same text, ascending, this one included."""


class TextPicturesReady(msgspec.Struct, tag=True, frozen=True):
    """All pictures in which text is looked for, those with the most of it first."""

    pictures: tuple[TextSlot, ...]


class TrackShape(msgspec.Struct, frozen=True):
    """Size of a track of small pictures."""

    num_frames: int
    height: int
    width: int
    spans: tuple[MotionSpan, ...]


class MotionReady(msgspec.Struct, tag=True, frozen=True):
    """The whole motion track, and outlines of the same stretches."""

    motion: TrackShape
    outlines: TrackShape


class AudioReady(msgspec.Struct, tag=True, frozen=True):
    """The whole audio track; without samples if none of it could be decoded."""

    num_samples: int
    spans: tuple[AudioSpan, ...]
    num_errors: int
    fault: StreamFault | None = None
    """Why the sound counts as not decodable, whatever was decoded."""
    channel_weights: tuple[float, ...] = ()
    """See `AudioTrack`; the same applies to the next field."""
    stereo_gains: tuple[tuple[float, float], ...] = ()


class Done(msgspec.Struct, tag=True, frozen=True):
    """The last message of a successful decode."""

    receipt: DecodeUsage


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The last message of a failed decode: the media is at fault."""

    cause: MediaCause
    message: str


class Unreadable(msgspec.Struct, tag=True, frozen=True):
    """The last message if this machine cannot read the file, which says nothing about the media."""

    message: str


class Broken(msgspec.Struct, tag=True, frozen=True):
    """The last message of a decode with an unexpected error."""

    message: str
    traceback: str


Reply = (
    Ready
    | ByteRange
    | Indexed
    | Planned
    | FramesReady
    | TextPicturesReady
    | MotionReady
    | AudioReady
    | Done
    | Failed
    | Unreadable
    | Broken
)

_encoder = msgspec.json.Encoder()
_reply_decoder: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
_request_decoder = msgspec.json.Decoder(DecodeRequest)


def encode(message: msgspec.Struct) -> bytes:
    """Return the message after its length, four bytes, most significant first."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def body_length(prefix: bytes) -> int:
    """Return the length in `prefix`.

    Raises:
        ValueError: It is longer than any valid message.
    """
    length = int.from_bytes(prefix, "big")
    if length > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {length} bytes; at most {MAX_MESSAGE_BYTES}")
    return length


def decode_reply(body: bytes) -> Reply:
    """Decode a message of the decoder process; raises `msgspec.DecodeError` if it is invalid."""
    return _reply_decoder.decode(body)


def decode_request(body: bytes) -> DecodeRequest:
    """Decode a message of the parent."""
    return _request_decoder.decode(body)
