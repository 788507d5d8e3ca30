"""Damaged media with fixed seeds, and how much of each a plain decoder gets that gives up a packet at the first error.

python -m tests.corpus.mutations [number of files]
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av
import av.logging

from operators.errors import InvalidMedia
from operators.media.index import MediaIndex
from operators.media.pool import DecoderPool
from operators.media.session import MediaSession, MediaSessions
from operators.media.shares import Shares
from schemas.uploads import FileSource
from streams.verdict.seen_rules import DEFAULT_SHARES
from tests.corpus.cases import Case
from tests.opened_files import LocalFiles

Kind = Literal["video", "audio"]

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


@dataclass(slots=True)
class Outcome:
    """What came of one damaged file."""

    name: str
    got: dict[Kind, float] = field(default_factory=dict)
    """Share of the packets that a plain decoder gets: of all that there were, where the container lists them and the
    stream can still be found, else of those that are still there."""
    passed: dict[Kind, bool] = field(default_factory=dict)
    """Whether the default policy has nothing to say about what was seen of a modality."""

    @property
    def overclaimed(self) -> list[Kind]:
        """Modalities that pass though a plain decoder gets too little of them."""
        return [kind for kind, got in self.got.items() if got < PASSING_RATIO and self.passed.get(kind)]


def damaged(whole: bytes, seed: int) -> bytes:
    """The file with one to three kinds of damage."""
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        whole = _damage(whole, chance)
    return whole


def _damage(whole: bytes, chance: random.Random) -> bytes:
    size = len(whole)
    start = chance.randrange(size)
    stop = min(size, start + chance.choice((1, 16, 188, 4096, size // 8, size // 3)))
    match chance.choice(("cut", "zero", "noise", "flip", "leave out", "repeat")):
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
        case _:
            flipped = bytearray(whole)
            for _ in range(chance.choice((1, 10, 100))):
                flipped[chance.randrange(size)] ^= 1 << chance.randrange(8)
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


async def outcomes(num_files: int, folder: Path) -> tuple[list[Outcome], int]:
    """Damage, decode and judge; also how many decoder processes were lost on the way."""
    av.logging.set_level(None)
    bases = [_built(base, folder / str(number)) for number, base in enumerate(BASES)]
    pool = DecoderPool(1)
    await pool.open()
    before, results = pool.process_ids, []
    try:
        for seed, (path, there) in zip(range(num_files), _in_turn(bases), strict=False):
            results.append(await _outcome(path, there, seed, pool))
        return results, len(set(before) - set(pool.process_ids))
    finally:
        await pool.close()


def _built(case: Case, folder: Path) -> tuple[Path, dict[Kind, int]]:
    folder.mkdir()
    path = case.build(folder)
    return path, {kind: plainly_got(path, kind)[0] for kind in ("video", "audio")}


def _in_turn(bases: Sequence[tuple[Path, dict[Kind, int]]]) -> Iterator[tuple[Path, dict[Kind, int]]]:
    while True:
        yield from bases


async def _outcome(base: Path, there: dict[Kind, int], seed: int, pool: DecoderPool) -> Outcome:
    path = base.with_name(f"damaged{base.suffix}")
    path.write_bytes(damaged(base.read_bytes(), seed))
    outcome = Outcome(f"seed {seed}, {base.parent.name}{base.suffix}")
    announces = base.suffix in (".mp4", ".mov", ".avi") and b"moof" not in base.read_bytes()
    for kind in ("video", "audio"):
        num_packets, num_good = plainly_got(path, kind)
        planned = max(num_packets, there[kind]) if announces and num_packets else num_packets
        if planned:
            outcome.got[kind] = num_good / planned
    async with MediaSessions(pool, LocalFiles(path.parent)).open("one", FileSource(path=path.name)) as session:
        outcome.passed = await _passed(session)
    return outcome


async def _passed(session: MediaSession) -> dict[Kind, bool]:
    """By modality; a file that fails as a whole passes in none."""
    try:
        index, receipt = await session.index(), await session.receipt()
    except InvalidMedia:
        return {}
    passed: dict[Kind, bool] = {}
    if await _is_answered(session, index, "video"):
        passed["video"] = _is_clean("visual", receipt.video)
    if await _is_answered(session, index, "audio"):
        passed["audio"] = _is_clean("audio", receipt.audio)
    return passed


async def _is_answered(session: MediaSession, index: MediaIndex, kind: Kind) -> bool:
    """Whether the modality gives an answer, with something in it or without."""
    try:
        if kind == "audio":
            await session.audio()
        else:
            await session.motion()
    except InvalidMedia:
        return False
    return True


def _is_clean(prefix: str, shares: Shares | None) -> bool:
    """Whether no default rule acts; an absent stream passes."""
    if shares is None:
        return True
    rules = [rule for rule in DEFAULT_SHARES if rule.feature.startswith(prefix)]
    return all(rule.reached(getattr(shares, rule.feature.partition(".")[2])) is None for rule in rules)


def main(arguments: list[str]) -> int:
    """Run, print, judge."""
    num_files, began = int(arguments[0]) if arguments else 2_000, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results, num_lost = asyncio.run(outcomes(num_files, Path(folder)))
    wrong = [result for result in results if result.overclaimed]
    lines = [f"{result.name}: {result.overclaimed} passes, a plain decoder gets {result.got}" for result in wrong]
    seconds = time.monotonic() - began
    lines.append(f"{len(results)} files, {len(wrong)} overclaimed, {num_lost} decoder processes lost, {seconds:.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong or num_lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
