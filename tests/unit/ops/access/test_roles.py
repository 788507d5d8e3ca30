"""The table of roles: it says no less and no more than the topics, the roles and the keys of the code."""

from __future__ import annotations

import inspect
import re
import shlex

import pytest

from ops.access.kafka_acls import kafka_acls, user_of
from ops.access.redis_rules import redis_line, redis_rules
from ops.access.roles import ACCESS, OPERATOR, RoleAccess, UnknownRole, find_roles
from schemas.topics import TOPICS
from streams.config.settings import ROLES, Settings, read_settings
from streams.kafka.group_names import group_of
from streams.store.keys import Keys
from tests.documents import REPOSITORY, section
from tests.support.access_overview import overview_row

PAGE = (REPOSITORY / "docs/security.md").read_text(encoding="utf-8")
EVERY_ROLE = pytest.mark.parametrize("role", ACCESS, ids=lambda role: role.name)

OPERATORS_KEYS = {"jobs", "job", "backfill_paused"}
"""Written by the command `reprocess` alone."""


@pytest.fixture
def settings() -> Settings:
    """Of a stack next to others."""
    return read_settings(topic_prefix="blue.")


class TestTable:
    def test_every_role_of_a_worker_is_there(self) -> None:
        """What a worker can run has a row, and nothing else is called a worker."""
        assert {role.name for role in ACCESS if role.is_worker} == set(ROLES)

    def test_names_are_unique(self) -> None:
        """One row a role."""
        assert len({role.name for role in ACCESS}) == len(ACCESS)

    @pytest.mark.parametrize("name", ROLES)
    def test_workers_write_what_the_topics_say(self, name: str) -> None:
        """A topic's contract names the roles that write it; those and no other worker may."""
        [role] = find_roles(name)
        named = {topic.name for topic in TOPICS if name in topic.written_by.replace(",", " ").split()}
        assert {topic.name for topic in role.writes} == named

    def test_every_topic_has_a_writer_and_a_reader(self) -> None:
        """A topic that nobody may write or read is a row that was forgotten."""
        others = [role for role in ACCESS if role is not OPERATOR]
        assert {topic for role in others for topic in role.writes} == set(TOPICS)
        assert {topic for role in ACCESS for topic in role.reads} == set(TOPICS)

    def test_every_kind_of_key_is_somebodys(self, settings: Settings) -> None:
        """A worker may write each kind of key that the code has a name for, but for those of operators."""
        patterns = {pattern(settings) for role in ACCESS if role.is_worker for pattern in role.keys}
        unclaimed = [name for name, example in example_keys("blue.") if not any(matches(p, example) for p in patterns)]
        assert set(unclaimed) == OPERATORS_KEYS

    def test_readers_write_nothing(self) -> None:
        """Neither to a topic nor, by any command that they have, to a key; Redis takes a vector search for a write."""
        changing = {"set", "del", "hset", "hdel", "sadd", "srem", "vadd", "vrem", "vsetattr", "evalsha", "expire"}
        for role in ACCESS:
            if role.name.startswith("reader-"):
                assert role.writes == ()
                assert not changing & set(role.commands)
                assert not any(command.startswith("@") for command in role.commands)

    def test_unknown_roles_are_refused(self) -> None:
        """The message lists the roles that there are."""
        with pytest.raises(UnknownRole, match="'chef'; there are intake, media"):
            find_roles("chef")


def example_keys(prefix: str) -> list[tuple[str, str]]:
    """One key of each kind, by the name of its method."""
    names = {"topic": f"{prefix}video.x", "group": f"{prefix}vidsignal-verdict"}
    examples = []
    for name, method in inspect.getmembers(Keys(prefix), inspect.ismethod):
        if name.startswith("_"):
            continue
        words = inspect.signature(method).parameters
        arguments = {word: 7 if words[word].annotation == "int" else names.get(word, "v") for word in words}
        examples.append((name, method(**arguments)))
    return examples


def matches(pattern: str, key: str) -> bool:
    """Whether a pattern is of this kind of key, whatever topic it names."""
    kind = pattern.split("*")[0].split("video.")[0]
    ends = pattern.rsplit("*", 1)[-1]
    return key.startswith(kind) and key.endswith(ends) and (pattern.count("*") > 0 or key == pattern)


class TestKafkaAcls:
    @EVERY_ROLE
    def test_stays_below_the_prefix(self, settings: Settings, role: RoleAccess) -> None:
        """No entry is about a topic or a user of another stack."""
        for acl in kafka_acls(settings, role):
            assert acl.principal == f"User:blue.vidsignal-{role.name}"
            assert acl.name.startswith("blue.") or acl.name in role.groups

    @EVERY_ROLE
    def test_only_the_operator_creates(self, settings: Settings, role: RoleAccess) -> None:
        """Everybody else reads, writes and sees."""
        operations = {acl.operation for acl in kafka_acls(settings, role)}
        assert (operations <= {"Read", "Write", "Describe"}) == (role is not OPERATOR)

    @pytest.mark.parametrize("name", ROLES)
    def test_group_is_the_one_of_the_app(self, settings: Settings, name: str) -> None:
        """A worker joins its own group, by the name that the app uses."""
        [role] = find_roles(name)
        groups = {acl.name for acl in kafka_acls(settings, role) if acl.resource_type == "group"} - set(role.groups)
        assert groups == {group_of(settings, name)} == {user_of(settings, role)}  # type: ignore[arg-type]

    def test_line_is_one_of_kafkas_own_tool(self, settings: Settings) -> None:
        """Every part of an entry stands in its line."""
        [producer] = find_roles("producer")
        acl, *_ = kafka_acls(settings, producer)
        assert shlex.split(acl.command("kafka:9093"))[1:] == [
            "--bootstrap-server", "kafka:9093", "--command-config", "admin.properties", "--add",
            "--allow-principal", "User:blue.vidsignal-producer", "--operation", "Write",
            "--topic", "blue.video.uploaded", "--resource-pattern-type", "literal",
        ]  # fmt: skip


class TestRedisRules:
    @EVERY_ROLE
    def test_begins_with_nothing_and_ends_without_danger(self, settings: Settings, role: RoleAccess) -> None:
        """A later rule wins, so what nobody may do stands last."""
        rules = redis_rules(settings, role)
        if role.uses_store:
            assert rules[:5] == ["on", "clearselectors", "resetkeys", "resetchannels", "-@all"]
            assert rules[-3:] == ["-@admin", "-@dangerous", "-@blocking"]
            assert not any(rule.startswith(("nopass", ">", "~*", "allkeys")) for rule in rules)
        else:
            assert (rules, redis_line(settings, role)) == ([], None)

    @EVERY_ROLE
    def test_keys_stay_below_the_prefix(self, settings: Settings, role: RoleAccess) -> None:
        """No pattern reaches a key of another stack."""
        patterns = [rule.partition("~")[2] for rule in redis_rules(settings, role) if "~" in rule]
        assert [pattern for pattern in patterns if not pattern.startswith("blue.vs:")] == []

    def test_line_can_be_sent_as_it_is(self, settings: Settings) -> None:
        """Quoted for a shell and for redis-cli."""
        [media] = find_roles("media")
        line = redis_line(settings, media)
        assert line is not None
        assert shlex.split(line) == ["ACL", "SETUSER", "blue.vidsignal-media", *redis_rules(settings, media)]
        assert "~blue.vs:attempts:blue.video.uploaded:*" in shlex.split(line)


class TestPage:
    def test_table_is_the_code(self) -> None:
        """The table of `docs/security.md` has a row a role, and says what the code says."""
        rows = [" | ".join(overview_row(read_settings(topic_prefix=""), role)) for role in ACCESS]
        lines = [line.strip("| ") for line in section(PAGE, "Least privilege").splitlines() if line.startswith("|")]
        assert lines[2:] == rows

    def test_settings_exist(self) -> None:
        """Every variable that the page names is a setting, its file, or the folder of secrets."""
        names = {f"VIDSIGNAL_{name.upper()}" for name in Settings.__struct_fields__}

        named = set(re.findall(r"VIDSIGNAL_[A-Z_]+[A-Z]", PAGE)) - {"VIDSIGNAL_SECRETS_DIR"}
        assert {name for name in named if name not in names and name.removesuffix("_FILE") not in names} == set()
