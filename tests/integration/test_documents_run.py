"""Every command and every Python snippet of README and `docs`, run as it stands there on one stack.

One worker with all roles, a real Kafka, a real Redis, an object store and a clip at each place that the documents name.
Only addresses, folders and the prefix are put in place of those that a reader has. What cannot run here is named, with
the reason, and its commands, options and files are checked all the same.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka.admin import AdminClient
from redis import Redis
from typer.testing import CliRunner

from ops.cli.main import app
from ops.local.ports import ReservedPort
from ops.local.redis_server import RedisServer
from tests.command_lines import calls_in, require_known
from tests.documents import DOCS, README, REPOSITORY, fenced_blocks
from tests.pipeline import Pipeline, upload_of
from tests.support.object_store import ObjectStore

pytestmark = pytest.mark.slow

PAGES: Final = {"README.md": README, **DOCS}
ORDER: Final = (
    "README.md", "get-started.md", "producers.md", "recommender.md", "trust-and-safety.md", "models.md",
    "evaluation.md", "devices.md", "model-servers.md", "sources.md", "doctor.md", "security.md", "sizing.md",
    "scale.md", "costs.md", "rolling-restarts.md", "chaos.md", "upgrade.md", "reprocess.md", "rebuild.md",
    "retention.md", "deletion.md", "deploy.md", "benchmarks.md",
)  # fmt: skip
"""As a newcomer meets them: what deletes comes last. Pages without a block that runs are left out."""
LANGUAGES: Final = {"sh", "python", "text", "mermaid", "yaml", "{toctree}"}
"""Of fenced blocks: the others are no commands. A shell block under another name would not be run."""
CLIP: Final = "small.mp4"
PARTITIONS: Final = 2
"""Fewer are sooner read: `rebuild` and `audit` go through one after another."""
LONGEST_SECONDS: Final = 180.0
"""Until what a snippet looks for is there, as a reader would wait."""

NOT_RUN: Final = {
    "vidsignal evaluate harmless-pictures": "wants the pictures that make evaluation-data fetches",
    "make ": "is what runs this test, or all that it needs; the targets exist",
    "MEDIA_DIR=/path/to/videos docker ": "there is no container engine; tests/unit/ops checks the files",
    "docker ": "there is no container engine; tests/unit/ops checks the files",
    "kubectl ": "there is no cluster; tests/unit/ops checks the files",
    "(cd ops/kubernetes": "there is no kustomize; the folder exists",
    "vidsignal models compile": "needs the vendor's packages; tests/unit/ops/test_models_compile.py has a stand-in",
    "NEURON_RT_VISIBLE_CORES": "is a worker on a device that is not here",
    "vidsignal local": "is the stack that all of this runs on",
    "VIDSIGNAL_MEDIA_ROOTS=/media vidsignal worker": "is the worker that all of this runs on",
    "vidsignal worker": "is the worker that all of this runs on",
    "vidsignal analyze": "loads all models once more; tests/integration/test_sources.py and test_added_models.py do it",
    "vidsignal publish 'https://cdn.example": "is nobody's address, and no test leaves this machine",
    "vidsignal spaces migrate efficientnet-lite0/1280 efficientnet-lite1": "there is one release of the models;"
    " tests/integration/test_similarity.py migrates a space",
    "vidsignal size": "tests/unit/ops/sizing runs it; a simulation takes its time",
    "python3 -m venv build/competitors": "is an environment of gigabytes, of other servers",
    "build/competitors/bin/python": "is an environment of gigabytes, of other servers",
    "vidsignal bench inference --competitors": "takes an hour; test_bench_inference.py runs a small form",
    "python -m ops.bench.device.pack": "takes minutes; tests/unit/ops/bench packs a small form",
    "python3 -m ops.bench.device": "measures a CUDA device; tests/unit/ops/bench runs it over a stand-in",
    "vidsignal bench servers": "wants servers that make test-remote installs",
    "kill ": "would end the worker; tests/integration/test_rolling_restart.py does it",
}
"""Beginnings of lines that no test types, and why."""
MAY_END_WITH: Final = {"vidsignal doctor": {0, 1}}
"""Beginnings of lines with exit codes that are right here: this Redis keeps nothing, which doctor finds wrong."""
IN_A_SHELL: Final = {"watch", "doctor"}
"""Commands that may outlast the test, or end their process; the others are quicker within it."""
_SAID_EXIT = re.compile(r"# exit code (\d):")
_NAMED_FILE = re.compile(r"(?<![\w/.-])ops/[\w./-]+")


def lines_of(block: str) -> list[str]:
    """What is typed at once, continued lines joined."""
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]


def reason_not_to_run(line: str) -> str | None:
    """Why no test types it; None where one does."""
    return next((reason for start, reason in NOT_RUN.items() if line.startswith(start)), None)


ALL_LINES: Final = [
    (page, line)
    for page, text in PAGES.items()
    for language, block in fenced_blocks(text)
    if language == "sh"
    for line in lines_of(block)
]


@dataclass
class Place:
    """The stack, and what stands there in place of what a reader has."""

    pipeline: Pipeline
    folder: Path
    samples: Path
    http_port: int
    background: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        return self.pipeline.settings.topic_prefix

    def local(self, text: str) -> str:
        """The text with this stack's addresses, names and folders."""
        replaced = {
            "redis://127.0.0.1:6379/0": self.redis_url,
            "127.0.0.1:9092": self.pipeline.settings.kafka_bootstrap_servers,
            "127.0.0.1:9109": f"127.0.0.1:{self.pipeline.workers[0].ready['health_port']}",
            "http.server 8000": f"http.server {self.http_port}",
            '"video.': f'"{self.prefix}video.',
            '"group.id": "': f'"group.id": "{self.prefix}',
            "vs:": f"{self.prefix}vs:",
            "VIDSIGNAL_TOPIC_PREFIX=": f"VIDSIGNAL_TOPIC_PREFIX={self.prefix}",
            "/media/": f"{self.folder}/",
            "~/.cache/vidsignal/samples": str(self.samples),
            "~/vidsignal-models": f"{self.folder}/vidsignal-models",
            "--replication 3": "--replication 1",  # there is one broker
        }
        for said, meant in replaced.items():
            text = text.replace(said, meant)
        return text

    @property
    def redis_url(self) -> str:
        return self.pipeline.settings.redis_url.get_secret_value()

    def delete_topics(self) -> None:
        """All that were made under the prefix."""
        admin = AdminClient({"bootstrap.servers": self.pipeline.settings.kafka_bootstrap_servers})
        left = [name for name in admin.list_topics(timeout=30).topics if name.startswith(self.prefix)]
        for deleted in admin.delete_topics(left, operation_timeout=30).values():
            deleted.result(30)


@pytest.fixture(scope="module")
def place(
    kafka: str, redis_server: RedisServer, samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The stack; `v-41` was uploaded before, for the pages that delete it."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("v-41.mp4", "v-42.mp4", "clip.mp4"):
        shutil.copyfile(samples / CLIP, folder / name)
    with ExitStack() as opened:
        store = opened.enter_context(ObjectStore())
        store.put("uploads", "v-42.mp4", samples / CLIP)
        store.put("uploads", "bikes.mp4", samples / CLIP)
        http_port = opened.enter_context(ReservedPort())
        pipeline = Pipeline.create(
            folder,
            bootstrap_servers=kafka,
            redis_url=redis_server.url,
            media_roots=[folder, samples],
            partitions=PARTITIONS,
            object_prefixes="s3://uploads/",
            health_port="0",
        )
        pipeline.environment.update(store.environment())
        place = Place(pipeline, folder, samples, http_port.number)
        try:
            pipeline.start_worker()
            pipeline.publish(upload_of(folder / "v-41.mp4", "v-41"))
            yield place
        finally:
            for process in place.background:
                process.kill()
                process.wait()
            for worker in pipeline.workers:
                worker.close()
            place.delete_topics()


def eventually(attempt: Callable[[], str]) -> None:
    """Try until there is nothing to complain about, as somebody does who waits for a verdict."""
    give_up = time.monotonic() + LONGEST_SECONDS
    while complaint := attempt():
        assert time.monotonic() < give_up, complaint
        time.sleep(0.5)


def run_sh(place: Place, block: str) -> None:
    """Type the lines one after another; `export` holds until the block ends."""
    environment = dict(place.pipeline.environment)
    for line in lines_of(block):
        if reason_not_to_run(line) is not None:
            continue
        if line.startswith("export "):
            name, _, value = place.local(line).removeprefix("export ").partition("=")
            environment[name] = value
            continue
        right = next((codes for start, codes in MAY_END_WITH.items() if line.startswith(start)), None)
        said = _SAID_EXIT.search(line)
        expected = right or {int(said.group(1)) if said else 0}
        eventually(partial(typed, place, line, expected, environment))


def typed(place: Place, line: str, expected: set[int], environment: dict[str, str]) -> str:
    """Run one line; what is wrong with how it ended, or nothing."""
    meant = place.local(line)
    words = shlex.split(meant, comments=True)
    if words[0] == "redis-cli":
        with Redis.from_url(place.redis_url) as client:
            return "" if client.execute_command(*words[1:]) else f"{line}: nothing is there"
    if words[0] == "vidsignal" and words[1] not in IN_A_SHELL and not set("|&;$") & set(meant.partition(" #")[0]):
        ended = CliRunner().invoke(app, words[1:], env=environment)
        fault = ended.exception if not isinstance(ended.exception, SystemExit) else None
        return "" if ended.exit_code in expected else f"{line}: {ended.exit_code}, {ended.output}{fault or ''}"
    if meant.endswith(" &"):
        place.background.append(shell(place, f"exec {meant.removesuffix(' &')}", environment))
        return ""
    process = shell(place, meant, environment)
    try:
        said = process.communicate(timeout=LONGEST_SECONDS)[0].decode()
    except subprocess.TimeoutExpired:
        process.kill()
        return f"{line}: did not end within {LONGEST_SECONDS:g} s"
    return "" if process.returncode in expected else f"{line}: {process.returncode}, {said}"


def shell(place: Place, line: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """The line in a shell of its own, among the media, with the command line of this environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "-ec", line],
        cwd=place.folder,
        env={**os.environ, **environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def run_python(place: Place, snippet: str) -> None:
    """Run it to its end; one that never ends until it speaks of v-42."""
    meant = place.local(snippet)
    eventually(lambda: spoke_of_v42(meant) if "while True:" in meant else ran(meant))


def ran(snippet: str) -> str:
    """Run it, with nobody but Enter at the keyboard; what it complains about."""
    ended = subprocess.run(
        [sys.executable, "-c", snippet], input="\n", capture_output=True, text=True, timeout=LONGEST_SECONDS,
        cwd=REPOSITORY, check=False,
    )  # fmt: skip
    return f"{ended.stderr} in\n{snippet}" if ended.returncode else ""


def spoke_of_v42(snippet: str) -> str:
    """Run it until a line names the video."""
    process = subprocess.Popen([sys.executable, "-uc", snippet], stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(LONGEST_SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        found = any("v-42" in line for line in process.stdout)
        return "" if found else f"it ended without a word of v-42:\n{snippet}"
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def test_a_reader_can_type_it_all(place: Place) -> None:
    """What the pages tell to type works, each on the stack that the pages before left behind."""
    complaints = []
    for page in ORDER:
        for language, block in fenced_blocks(PAGES[page]):
            try:
                run_block(place, language, block)
            except AssertionError as error:
                complaints.append(f"{page}: {error}")
    assert not complaints, "\n\n".join(complaints)


def run_block(place: Place, language: str, block: str) -> None:
    """What is to be typed; the rest is for the eye."""
    if language == "sh":
        run_sh(place, block)
    elif language == "python":
        run_python(place, block)


class TestNothingIsLeftOut:
    def test_pages(self) -> None:
        """Every page with something to type is in the order, once."""
        typed_pages = {
            page for page, text in PAGES.items() if {"sh", "python"} & {found for found, _ in fenced_blocks(text)}
        }
        assert sorted(ORDER) == sorted(typed_pages)

    @pytest.mark.parametrize("page", PAGES)
    def test_blocks(self, page: str) -> None:
        """Every fence is closed, and its language is one that is run, or none of a shell."""
        blocks = fenced_blocks(PAGES[page])
        assert {language for language, _ in blocks} <= LANGUAGES
        assert PAGES[page].count("```") == 2 * len(blocks)

    @pytest.mark.parametrize("start", NOT_RUN)
    def test_exceptions_are_needed(self, start: str) -> None:
        """What is said not to run stands in some document."""
        assert any(line.startswith(start) for _, line in ALL_LINES)


NOT_RUN_LINES: Final = [found for found in ALL_LINES if reason_not_to_run(found[1]) is not None]


class TestWhatIsNotRun:
    @pytest.mark.parametrize(("page", "line"), NOT_RUN_LINES)
    def test_commands_exist(self, page: str, line: str) -> None:
        """Each `vidsignal ...` in it names a command and options that there are."""
        for call in calls_in(line):
            require_known(call)

    @pytest.mark.parametrize(("page", "line"), NOT_RUN_LINES)
    def test_files_exist(self, page: str, line: str) -> None:
        """Each file of the repository that it names is there."""
        assert [name for name in _NAMED_FILE.findall(line) if not (REPOSITORY / name).exists()] == []

    @pytest.mark.parametrize(("page", "line"), [found for found in NOT_RUN_LINES if found[1].startswith("make ")])
    def test_targets_exist(self, page: str, line: str) -> None:
        """The Makefile has them."""
        target = line.split()[1]
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
