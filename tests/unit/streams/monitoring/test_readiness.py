"""What a worker says when it is asked whether it is alive, and whether it is ready."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.monitoring.readiness import ANSWERS_SECONDS, Health


@dataclass
class Worker:
    """A worker whose state the test sets; ready unless it says otherwise."""

    now_seconds: float = 1000.0
    joined: set[str] = field(default_factory=lambda: {"intake", "media"})
    silent_seconds: float = 0.0
    stuck: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.health = Health(
            ("intake", "media"),
            lambda: self.now_seconds,
            has_joined=lambda role: role in self.joined,
            silent_seconds=lambda: self.silent_seconds,
            late_seconds=10.0,
            stuck_roles=lambda: self.stuck,
        )
        self.health.is_serving = True
        self.health.heard({"store": True, "broker": True})

    @property
    def missing(self) -> list[str]:
        statement = self.health.ready()
        assert statement.holds == (statement.details["missing"] == [])
        return list(statement.details["missing"])


class TestReady:
    def test_a_worker_with_everything_is_ready(self) -> None:
        """Joined, warm, and both others answer."""
        assert Worker().missing == []

    def test_a_role_that_has_not_joined_is_named(self) -> None:
        """Not before all have."""
        assert Worker(joined={"intake"}).missing == ["role media has not joined its group"]

    def test_models_that_are_not_warm_are_waited_for(self) -> None:
        """Roles may have joined before everything is open."""
        worker = Worker()
        worker.health.is_serving = False
        assert worker.missing == ["the worker is still opening"]

    def test_who_does_not_answer_is_named(self) -> None:
        """The broker, the store, or both."""
        worker = Worker()
        worker.health.heard({"store": False, "broker": True})
        assert worker.missing == ["store does not answer"]

    def test_old_answers_count_for_nothing(self) -> None:
        """A worker that no longer asks does not know."""
        worker = Worker()
        worker.now_seconds += ANSWERS_SECONDS
        assert worker.missing == []
        worker.now_seconds += 0.1
        assert worker.missing == ["broker and store were not asked of late"]

    def test_a_draining_worker_is_not_ready(self) -> None:
        """It takes nothing new, whatever else holds."""
        worker = Worker()
        worker.health.is_draining = True
        assert worker.missing == ["the worker is stopping"]

    def test_an_unavailable_model_server_is_named(self) -> None:
        """With the model; the worker does the rest of its work, and says that it cannot do all."""
        worker = Worker()
        worker.health.server_problems = lambda: ("model opennsfw on http://10.0.0.1:80: no connection",)
        assert worker.missing == ["model opennsfw on http://10.0.0.1:80: no connection"]

    def test_a_loop_that_stands_still_is_not_ready(self) -> None:
        """It cannot take work."""
        assert Worker(silent_seconds=10.0).missing == ["the event loop does not respond"]


class TestAlive:
    def test_what_is_unavailable_or_warms_up_does_not_matter(self) -> None:
        """A restart would help against none of it."""
        worker = Worker(joined=set())
        worker.health.is_serving = False
        worker.health.heard({"store": False, "broker": False})
        assert worker.health.alive().holds

    def test_a_draining_worker_is_alive(self) -> None:
        """It must be left to finish."""
        worker = Worker()
        worker.health.is_draining = True
        assert worker.health.alive().holds

    def test_a_silent_loop_is_not_alive(self) -> None:
        """From the tenth second on."""
        assert Worker(silent_seconds=9.0).health.alive().holds
        assert not Worker(silent_seconds=10.0).health.alive().holds

    def test_a_stuck_role_is_named(self) -> None:
        """The watchdog's word."""
        statement = Worker(stuck=("media",)).health.alive()
        assert not statement.holds
        assert statement.details["stuck"] == ["media"]
