"""The kernel's clocks: of a team of threads, and of processes that follow one another."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from operators.cpu_clocks import (
    LOOK_SECONDS,
    SuccessiveProcesses,
    ThreadTeam,
    computing_cpu_seconds,
    process_cpu_seconds,
    thread_cpu_seconds,
)

WORK_SECONDS = 0.2
STRANGERS_SECONDS = 0.8
"""So much that it is told from what threads cost on a slow machine."""


def burn(seconds: float = WORK_SECONDS) -> None:
    """Use CPU time on the calling thread."""
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        np.sqrt(np.arange(1000.0))


def await_that(holds: Callable[[], bool]) -> None:
    """Look until it holds; the kernel tells nobody when it has taken a thread away."""
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)


class TestThreadTeam:
    def test_counts_what_its_members_start_and_nobody_else(self) -> None:
        """A native pool's threads are started by a member, and inherit its name: so does this thread's child."""
        team, done = ThreadTeam("testers"), threading.Event()

        def work() -> None:
            team.join()
            child = threading.Thread(target=lambda: (burn(), done.wait(120)))
            child.start()
            burn()
            done.wait(120)
            child.join()

        member, stranger = threading.Thread(target=work), threading.Thread(target=burn, args=(STRANGERS_SECONDS,))
        assert team.cpu_seconds() == 0.0
        member.start()
        stranger.start()
        stranger.join()
        try:
            await_that(lambda: team.cpu_seconds() >= 2 * WORK_SECONDS)
            assert 0 <= team.cpu_seconds() - 2 * WORK_SECONDS < 0.9 * STRANGERS_SECONDS
        finally:
            done.set()
            member.join()

    def test_a_member_reads_the_time_of_its_team(self) -> None:
        """What a native pool computes for it belongs to its work; what strangers compute does not."""
        team, read = ThreadTeam("readers", clock=itertools.count().__next__), list[float]()

        def work() -> None:
            team.join()
            before = computing_cpu_seconds()
            done = threading.Event()
            child = threading.Thread(target=lambda: (burn(), done.wait(120)))
            child.start()
            stranger.join()
            await_that(lambda: computing_cpu_seconds() - before >= WORK_SECONDS)
            read.append(computing_cpu_seconds() - before)
            done.set()
            child.join()

        stranger, member = threading.Thread(target=burn, args=(STRANGERS_SECONDS,)), threading.Thread(target=work)
        stranger.start()
        member.start()
        member.join()
        assert WORK_SECONDS <= read[0] < STRANGERS_SECONDS

    def test_one_who_comes_while_another_goes_is_seen(self) -> None:
        """As many threads as before are not the same threads."""
        team, done = ThreadTeam("testers"), threading.Event()
        is_in, is_told, has_burned = threading.Event(), threading.Event(), threading.Event()

        def work() -> None:
            team.join()
            is_in.set()
            is_told.wait(120)
            threading.Thread(target=lambda: (burn(), has_burned.set(), done.wait(120)), daemon=True).start()
            done.wait(120)

        member, stranger = threading.Thread(target=work), threading.Thread(target=is_told.wait, args=(120,))
        member.start()
        stranger.start()
        try:
            assert is_in.wait(60)
            before_seconds, strangers_id = team.cpu_seconds(), stranger.native_id
            assert strangers_id is not None
            is_told.set()
            assert has_burned.wait(60)
            await_that(lambda: thread_cpu_seconds(strangers_id) is None)
            assert team.cpu_seconds() - before_seconds >= WORK_SECONDS
        finally:
            is_told.set()
            done.set()
            member.join()

    def test_looks_for_threads_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A reading shortly after a look costs none."""
        readings = [0.0, 0.01, 0.99 * LOOK_SECONDS, LOOK_SECONDS, 1.5 * LOOK_SECONDS, 3 * LOOK_SECONDS]
        times = iter(readings)
        team = ThreadTeam("testers", clock=lambda: next(times))
        looks: list[int] = []
        monkeypatch.setattr(team, "_look", lambda: looks.append(1))
        looks_after = [(team.cpu_seconds(), len(looks))[1] for _ in readings]
        assert looks_after == [1, 1, 1, 2, 2, 3]

    def test_two_teams_of_one_name_are_two(self) -> None:
        """Two engines in one process do not count each other's work."""
        first, second = ThreadTeam("twins"), ThreadTeam("twins")
        ended = threading.Event()

        def work() -> None:
            first.join()
            burn()
            ended.wait(120)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            await_that(lambda: first.cpu_seconds() >= WORK_SECONDS)
            assert first.cpu_seconds() >= WORK_SECONDS
            assert second.cpu_seconds() == 0.0
        finally:
            ended.set()
            thread.join()

    def test_no_such_thread_or_process(self) -> None:
        """What is gone has no clock."""
        assert thread_cpu_seconds(2**22 + 1) is None
        assert process_cpu_seconds(2**22 + 1) is None


class TestSuccessiveProcesses:
    def test_adds_up_those_that_ended(self) -> None:
        """Each process's time stays counted when it is gone, and its start is told apart."""
        clock = SuccessiveProcesses()
        for number in (1, 2):
            with started() as process:
                clock.began(process.pid)
                await_line(process)
                clock.became_ready()
                process.stdin.write(b"go\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                await_line(process)
                clock.ends()
                process.kill()
            assert clock.cpu_seconds() - clock.start_cpu_seconds >= number * WORK_SECONDS
        total = clock.cpu_seconds()
        assert clock.start_cpu_seconds > 0
        clock.ends()
        assert clock.cpu_seconds() == total


def started() -> subprocess.Popen[bytes]:
    """A process that says when it is ready, works when it is told, and says when it has."""
    program = (
        "import time; print('ready', flush=True); input(); end = time.process_time() + "
        f"{WORK_SECONDS}\nwhile time.process_time() < end: pass\nprint('done', flush=True); input()"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def await_line(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    if not process.stdout.readline():
        pytest.fail("the process ended early")
