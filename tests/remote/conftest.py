"""Real model servers, in an environment of their own: `make test-remote` makes it, and runs these tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.bench.servers.chat_run import is_llama_ready, llama_server
from ops.bench.servers.real_servers import RealServer, ServerEnvironment, running

VARIABLE = "MODEL_SERVERS_VENV"
"""Names the environment."""


@pytest.fixture(scope="session")
def servers() -> ServerEnvironment:
    """The environment; without it nothing of this folder is tested."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip("NOT TESTED: real model servers; make test-remote installs and tests them")
    return ServerEnvironment(Path(folder).absolute())


@pytest.fixture(scope="module")
def server(servers: ServerEnvironment) -> Iterator[RealServer]:
    """Run llama.cpp with its small model; a file of another server has a fixture of its own."""
    started = llama_server(servers, num_threads=2)
    with running(started, lambda: is_llama_ready(started)):
        yield started
