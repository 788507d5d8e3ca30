"""The corpus through `vidsignal analyze` and through a worker: both say the same of every file.

`VIDSIGNAL_CORPUS=full` takes every case of the corpus; `make corpus-signals` does so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.outcomes import RecommendationRecord, Verdict
from streams.recovery.result_comparison import Projections, Tolerances, compare, join_topics
from tests.corpus.cases import FEW, Case, every_case
from tests.pipeline import Pipeline, upload_of

pytestmark = pytest.mark.slow

FILES_A_COMMAND = 64
SECONDS_A_FILE = 20.0
"""For a machine that is busy with other work."""
CASES = list(every_case()) if os.environ.get("VIDSIGNAL_CORPUS") == "full" else FEW[::4]
TOLERANCES = Tolerances(score=0.02, feature=0.02, embedding=0.05)
"""Pictures of other videos share a batch in the worker, and the batch's size decides how bfloat16 rounds."""

Said = TypeVar("Said", Verdict, RecommendationRecord)


class Analysed(msgspec.Struct, frozen=True):
    """A line of `vidsignal analyze --json`."""

    verdict: Verdict
    recommendation: RecommendationRecord


@dataclass(frozen=True)
class TwoWays:
    """What both say, by name of the case."""

    analysed: Projections
    by_worker: Projections


def _built(case: Case, folder: Path) -> Path:
    folder.mkdir()
    return case.build(folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Every case as a file."""
    root = tmp_path_factory.mktemp("corpus")
    folders = [root / str(number) for number in range(len(CASES))]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        paths = processes.map(_built, CASES, folders)
        return {case.name: path for case, path in zip(CASES, paths, strict=True)}


@pytest.fixture(scope="module")
def two_ways(kafka: str, redis_server: RedisServer, files: Mapping[str, Path]) -> Iterator[TwoWays]:
    """Analyse every file by both ways."""
    roots = [next(iter(files.values())).parents[1]]
    with (
        scratch_dir() as folder,
        Pipeline.opened(
            folder, bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=roots, metrics_port="0"
        ) as pipeline,
    ):
        yield TwoWays(_analysed(pipeline, files), _by_worker(pipeline, files))


def _analysed(pipeline: Pipeline, files: Mapping[str, Path]) -> Projections:
    names, lines = list(files), list[bytes]()
    for first in range(0, len(names), FILES_A_COMMAND):
        paths = [str(files[name]) for name in names[first : first + FILES_A_COMMAND]]
        ended = pipeline.command("analyze", *paths, "--json", timeout_seconds=60 + SECONDS_A_FILE * len(paths))
        lines += ended.stdout.encode().splitlines()
    said = [msgspec.json.decode(line, type=Analysed) for line in lines]
    verdicts = {name: each.verdict for name, each in zip(names, said, strict=True)}
    return join_topics(verdicts, {name: each.recommendation for name, each in zip(names, said, strict=True)})


def _by_worker(pipeline: Pipeline, files: Mapping[str, Path]) -> Projections:
    ids = {name: f"case-{number}" for number, name in enumerate(files)}
    pipeline.publish(*(upload_of(path, ids[name]) for name, path in files.items()))
    pipeline.start_worker()
    verdicts = pipeline.await_verdicts(ids.values(), 120 + SECONDS_A_FILE * len(files))
    pipeline.await_handled("media", "verdict")
    return join_topics(_by_name(verdicts, ids), _by_name(pipeline.feature_records(), ids))


def _by_name(said: Mapping[str, Said], ids: Mapping[str, str]) -> dict[str, Said]:
    return {name: said[video_id] for name, video_id in ids.items()}


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_both_say_the_same(two_ways: TwoWays, name: str) -> None:
    """Modalities, causes, shares, labels, features, embeddings and the action are equal."""
    assert compare({name: two_ways.analysed[name]}, {name: two_ways.by_worker[name]}, TOLERANCES) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_undamaged_files_are_allowed(two_ways: TwoWays, case: Case) -> None:
    """No modality fails or is missing, and no share of what was seen causes a review."""
    said = two_ways.by_worker[case.name]
    assert said.failed == {} and said.missing == ()
    assert said.action == "allow"
    assert ("audio" in said.present) == case.has_sound
