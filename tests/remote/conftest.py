"""Real model servers, in an environment of their own: `make test-remote` makes it, and runs these tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.bench.servers.real_servers import ServerEnvironment

VARIABLE = "MODEL_SERVERS_VENV"
"""Names the environment."""


@pytest.fixture(scope="session")
def servers() -> ServerEnvironment:
    """The environment; without it nothing of this folder is tested."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip("NOT TESTED: real model servers; make test-remote installs and tests them")
    return ServerEnvironment(Path(folder).absolute())
