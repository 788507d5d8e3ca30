"""Damaged media with fixed seeds, and how much of each a plain decoder gets that gives up a packet at the first error.

python -m tests.corpus.mutations [number of files, or first seed and the one behind the last]
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av
import av.logging

from operators.errors import InvalidMedia
from operators.media.index import UnseenTrack
from operators.media.limits import DecodeLimits
from operators.media.pool import DecoderPool
from operators.media.session import MediaSession
from operators.media.shared_sessions import MediaSessions
from schemas.uploads import FileSource
from streams.decision.seen_rules import DEFAULT_MIN_UNSEEN_BYTES, DEFAULT_WHEN_UNSEEN
from tests.corpus.cases import Case
from tests.corpus.second_decoder import counted, has_second_decoder
from tests.coverage_rules import coverage_rule_acts
from tests.opened_files import LocalFiles

Kind = Literal["video", "audio"]
KINDS: tuple[Kind, ...] = ("video", "audio")

BASES: Sequence[Case] = (
    Case("mp4", "h264 B", "25 a second"),
    Case("mp4", "h264", "phone", "fragments"),
    Case("mov", "mjpeg", "25 a second"),
    Case("mkv", "h264 B", "25 a second"),
    Case("webm", "vp8", "25 a second"),
    Case("webm", "vp9", "25 a second"),
    Case("ts", "h264", "25 a second"),
    Case("flv", "h264", "25 a second"),
    Case("avi", "mpeg4", "25 a second"),
    Case("mpg", "mpeg2", "25 a second"),
)
"""Undamaged files; mutations go through them in turn."""
PASSING_RATIO = 0.9
"""Of a modality's packets: what a plain decoder gets less of must not pass as seen."""


DAMAGES = ("cut", "zero", "noise", "flip", "leave out", "repeat", "swap", "header", "splice")


@dataclass(slots=True)
class Outcome:
    """What came of one damaged file."""

    name: str
    container: str
    got: dict[Kind, float] = field(default_factory=dict)
    """Share of the packets that a plain decoder gets: of all that there were, where the container lists them and the
    stream can still be found, else of those that are still there."""
    second: dict[Kind, float] = field(default_factory=dict)
    """The same by another build of FFmpeg, which conceals what it can: of its packets, those that give a frame."""
    passed: dict[Kind, bool] = field(default_factory=dict)
    """Whether the default policy has nothing to say about what was seen of a modality."""
    failure: str = ""
    """Cause of a file that fails as a whole."""
    lost: bool = False
    """Whether it took a decoder process down."""

    @property
    def overclaimed(self) -> list[Kind]:
        """Modalities that pass though a plain decoder gets too little of them."""
        return [kind for kind in KINDS if self.passed.get(kind) and self._least(kind) < PASSING_RATIO]

    def _least(self, kind: Kind) -> float:
        return min(self.got.get(kind, 1.0), self.second.get(kind, 1.0))


@dataclass(frozen=True, slots=True)
class Base:
    """An undamaged file, its packets, and the frames that the second decoder makes of one packet of it."""

    path: Path
    content: bytes
    num_packets: Mapping[Kind, int]
    frames_each: Mapping[Kind, float]

    @property
    def announces(self) -> bool:
        """Whether the container lists its packets, so that those which are missing are known."""
        return self.path.suffix in (".mp4", ".mov", ".avi") and b"moof" not in self.content


def damaged(whole: bytes, seed: int, other: bytes = b"") -> bytes:
    """The file with one to three kinds of damage; a splice goes on with the end of `other`."""
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        whole = _damage(whole, chance, other)
    return whole


def _damage(whole: bytes, chance: random.Random, other: bytes) -> bytes:
    size = len(whole)
    start = chance.randrange(size)
    stop = min(size, start + chance.choice((1, 16, 188, 4096, size // 8, size // 3)))
    match chance.choice(DAMAGES):
        case "cut":
            return whole[: max(1, start)]
        case "zero":
            return whole[:start] + bytes(stop - start) + whole[stop:]
        case "noise":
            return whole[:start] + chance.randbytes(stop - start) + whole[stop:]
        case "leave out":
            return whole[:start] + whole[stop:] or b"\0"
        case "repeat":
            return whole[:stop] + whole[start:stop] + whole[stop:]
        case "swap":
            middle = (start + stop) // 2
            return whole[:start] + whole[middle:stop] + whole[start:middle] + whole[stop:]
        case "header":
            return _with_another_header(whole, chance)
        case "splice":
            return whole[:stop] + other[chance.randrange(len(other) + 1) :]
        case _:
            return _flipped(whole, chance)


def _with_another_header(whole: bytes, chance: random.Random) -> bytes:
    """A field of up to eight bytes near a name of four dead letters, or in front of all, has an extreme value."""
    names = [found.start() for found in re.finditer(rb"[a-zA-Z][a-zA-Z0-9]{3}", whole)][:2_000]
    place = max(0, chance.choice([*names, 0, 64, 512]) + chance.randrange(-8, 40))
    width = chance.choice((1, 2, 4, 8))
    value = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"\1")) * width
    return whole[:place] + value + whole[place + width :]


def _flipped(whole: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(whole)
    for _ in range(chance.choice((1, 10, 100))):
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def plainly_got(path: Path, kind: Kind) -> tuple[int, int]:
    """Packets of the first stream of a kind: all that are demuxed, and those that decode without any error."""
    num_packets = num_good = 0
    try:
        with av.open(str(path)) as container:
            stream = next(iter(getattr(container.streams, kind)), None)
            if stream is None or stream.codec_context is None:
                return 0, 0
            stream.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+explode"}
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:
                    num_packets += 1
                    num_good += _decodes(packet)
    except (av.FFmpegError, ValueError, IndexError):  # the last where streams come up on the way
        return num_packets, num_good
    return num_packets, num_good


def _decodes(packet: av.Packet) -> bool:
    try:
        packet.decode()
    except (av.FFmpegError, ValueError):
        return False
    return True


async def outcomes(seeds: range, folder: Path) -> list[Outcome]:
    """Damage, decode and judge one file a seed."""
    av.logging.set_level(None)
    bases = [_built(base, folder / str(number)) for number, base in enumerate(BASES)]
    pool = DecoderPool(1, DecodeLimits(max_videos_per_process=len(seeds) + 1))  # one that is replaced counts as lost
    await pool.open()
    try:
        return [await _outcome(bases, seed, pool) for seed in seeds]
    finally:
        await pool.close()


def _built(case: Case, folder: Path) -> Base:
    folder.mkdir()
    path = case.build(folder)
    second = counted(path) if has_second_decoder() else {}
    return Base(
        path=path,
        content=path.read_bytes(),
        num_packets={kind: plainly_got(path, kind)[0] for kind in KINDS},
        frames_each={kind: second[kind][1] / second[kind][0] for kind in KINDS if kind in second},
    )


async def _outcome(bases: Sequence[Base], seed: int, pool: DecoderPool) -> Outcome:
    base, other = bases[seed % len(bases)], bases[(seed // len(bases)) % len(bases)]
    path = base.path.with_name(f"damaged{base.path.suffix}")
    path.write_bytes(damaged(base.content, seed, other.content))
    outcome = Outcome(f"seed {seed}, {BASES[seed % len(bases)].name}", base.path.suffix.lstrip("."))
    _decode_plainly(base, path, outcome)
    before = pool.process_ids
    async with MediaSessions(pool, LocalFiles(path.parent)).open("one", FileSource(path=path.name)) as session:
        await _judge(session, outcome)
    outcome.lost = pool.process_ids != before
    return outcome


def _decode_plainly(base: Base, path: Path, outcome: Outcome) -> None:
    second = counted(path) if base.frames_each else {}
    for kind in KINDS:
        num_packets, num_good = plainly_got(path, kind)
        if num_packets:
            outcome.got[kind] = num_good / (max(num_packets, base.num_packets[kind]) if base.announces else num_packets)
        num_read, num_frames = second.get(kind, (0, 0))
        if num_read and kind in base.frames_each:
            planned = max(num_read, base.num_packets[kind]) if base.announces else num_read
            outcome.second[kind] = num_frames / (planned * base.frames_each[kind])


async def _judge(session: MediaSession, outcome: Outcome) -> None:
    try:
        await session.receipt()
    except InvalidMedia as failure:
        outcome.failure = failure.cause
        return
    outcome.passed = await _passed(session)


async def _passed(session: MediaSession) -> dict[Kind, bool]:
    """By modality."""
    index, receipt = await session.index(), await session.receipt()
    is_all_seen = not any(DEFAULT_WHEN_UNSEEN[track.kind] == "review" for track in index.unseen if _counts(track))
    passed: dict[Kind, bool] = {}
    if await _is_answered(session, "video"):
        passed["video"] = is_all_seen and not coverage_rule_acts("visual.", receipt.video)
    if await _is_answered(session, "audio"):
        passed["audio"] = is_all_seen and not coverage_rule_acts("audio.", receipt.audio)
    return passed


def _counts(track: UnseenTrack) -> bool:
    return not track.size_bytes or track.size_bytes >= DEFAULT_MIN_UNSEEN_BYTES.get(track.kind, 0)


async def _is_answered(session: MediaSession, kind: Kind) -> bool:
    """Whether the modality gives an answer, with something in it or without."""
    try:
        if kind == "audio":
            await session.audio()
        else:
            await session.motion()
    except InvalidMedia:
        return False
    return True


HEAD = (
    "| container | files | fail | for a person | pass | under 90% | of these pass | processes lost |",
    "|---|---|---|---|---|---|---|---|",
)


def table(results: Sequence[Outcome]) -> Iterator[str]:
    """Lines by container; `under 90%`: of pictures or sound, by a plain decoder or the second one."""
    yield from HEAD
    for container in sorted({result.container for result in results}):
        found = [result for result in results if result.container == container]
        failed = [result for result in found if result.failure]
        passing = [result for result in found if result.passed and all(result.passed.values())]
        poor = [r for r in found if min((*r.got.values(), *r.second.values()), default=1.0) < PASSING_RATIO]
        yield (
            f"| {container} | {len(found)} | {len(failed)} | {len(found) - len(failed) - len(passing)}"
            f" | {len(passing)} | {len(poor)} | {sum(bool(result.overclaimed) for result in found)}"
            f" | {sum(result.lost for result in found)} |"
        )


def main(arguments: list[str]) -> int:
    """Run, print, judge."""
    bounds = [int(argument) for argument in arguments] or [2_000]
    seeds, began = range(*bounds), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(outcomes(seeds, Path(folder)))
    wrong = [result for result in results if result.overclaimed or result.lost]
    lines = [*table(results), *(str(result) for result in wrong)]
    decoders = "two decoders" if has_second_decoder() else "one decoder"
    lines.append(f"{len(results)} files, {len(wrong)} wrong by {decoders}, {time.monotonic() - began:.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
