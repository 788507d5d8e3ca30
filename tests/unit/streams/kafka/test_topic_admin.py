"""Checking topics on a broker that does not answer every question."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.topics import TOPICS
from streams.config.settings import read_settings
from streams.kafka import topic_admin
from streams.kafka.clients import BrokerUnavailable


class SilentAboutSettings:
    """A broker that lists topics and never tells their settings, as the embedded one."""

    def list_topics(self, timeout: float) -> Any:
        del timeout
        return SimpleNamespace(topics={topic.name: SimpleNamespace(partitions={0: None}) for topic in TOPICS})

    def describe_configs(self, resources: list[Any]) -> dict[Any, Future[Any]]:
        return {resource: Future() for resource in resources}


def test_a_silent_broker_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told in one line, as everything that does not answer."""
    monkeypatch.setattr(topic_admin, "require_broker", lambda _: SilentAboutSettings())
    monkeypatch.setattr(topic_admin, "REQUEST_SECONDS", 0.01)
    with pytest.raises(BrokerUnavailable, match=r"does not tell its topics' settings within 0\.01 s"):
        topic_admin.check_topics(read_settings())


class WithoutSettings(SilentAboutSettings):
    """A broker of another make, which has none of the settings and confirms no change."""

    def describe_configs(self, resources: list[Any]) -> dict[Any, Future[Any]]:
        found = super().describe_configs(resources)
        for future in found.values():
            future.set_result({})
        return found

    def incremental_alter_configs(self, resources: list[Any]) -> dict[Any, Future[Any]]:
        return {resource: Future() for resource in resources}


def test_settings_that_a_broker_does_not_have_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are told like wrong ones, and a change that is not confirmed is told in one line."""
    monkeypatch.setattr(topic_admin, "require_broker", lambda _: WithoutSettings())
    monkeypatch.setattr(topic_admin, "_CREATE_SECONDS", 0.01)
    problems = [problem for finding in topic_admin.check_topics(read_settings()) for problem in finding.problems]
    assert "cleanup.policy is unknown, contract says delete" in problems
    with pytest.raises(BrokerUnavailable, match="does not confirm settings of"):
        topic_admin.update_topics(read_settings())
