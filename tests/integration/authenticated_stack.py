"""A Kafka and a Redis that ask who one is, with one user a role, allowed what `vidsignal access` prints and no more."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import redis
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from redis.asyncio import Redis
from typer.testing import CliRunner

from ops.access.kafka_acls import KafkaAcl, user_of
from ops.access.roles import ACCESS, find_roles
from ops.assets.cache import default_cache_dir
from ops.cli.main import app
from ops.local.kafka_server import KafkaCluster
from ops.local.redis_server import RedisServer
from ops.local.worker_process import WorkerProcess
from streams.config.redis_options import store_options
from streams.config.settings import Settings, read_settings
from streams.lifecycle.fatal_error import WorkerExit
from streams.store.refusals import StoreRefuses, require_entry
from tests.pipeline import await_value
from tests.support.certificates import Authority
from tests.support.kafka_security import KafkaSecurity
from tests.support.tls_proxy import TlsProxy

PREFIX = "guarded."
ASK_SECONDS = 60.0
"""For answers that take a moment; a machine under load is slow."""
OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "Create": AclOperation.CREATE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
}


@dataclass(frozen=True)
class AuthenticatedStack:
    """What is open, and who may enter it."""

    folder: Path
    authority: Authority
    kafka: KafkaCluster
    redis: RedisServer
    proxy: TlsProxy
    passwords: dict[str, str]
    """By user, on Kafka and in Redis alike."""

    def environment(self, role: str, **variables: str) -> dict[str, str]:
        """Settings of a role's process; its password comes from a file."""
        user = user_of(read_settings(topic_prefix=PREFIX), find_roles(role)[0])
        secret = self.folder / f"{role}.password"
        secret.write_text(self.passwords[user] + "\n", encoding="utf-8")
        authority = str(self.authority.certificate_path)
        values = {
            "topic_prefix": PREFIX,
            "kafka_bootstrap_servers": self.kafka.servers("SASL_SSL"),
            "kafka_security_protocol": "SASL_SSL",
            # Half of the users come by one mechanism, half by the other.
            "kafka_sasl_mechanism": "PLAIN" if role in ("media", "reader-safety") else "SCRAM-SHA-512",
            "kafka_sasl_username": user,
            "kafka_sasl_password_file": str(secret),
            "kafka_ssl_ca_file": authority,
            "redis_url": f"rediss://{self.proxy.address}/0",
            "redis_username": user,
            "redis_password_file": str(secret),
            "redis_ca_file": authority,
            "drain_timeout_seconds": "5",
            **variables,
        }
        return {f"VIDSIGNAL_{name.upper()}": value for name, value in values.items()}

    def settings(self, role: str, **overrides: Any) -> Settings:
        """The same for a client in this process."""
        secret_names = ("kafka_sasl_password", "redis_password")
        environment = self.environment(role)
        values = {name.removeprefix("VIDSIGNAL_").lower(): value for name, value in environment.items()}
        for name in secret_names:
            values[name] = Path(values.pop(f"{name}_file")).read_text(encoding="utf-8").strip()
        return read_settings(**{**values, **overrides})

    def worker(self, role: str, **variables: str) -> WorkerProcess:
        """A worker of one role under its own user, not started."""
        environment = self.environment(role, roles=role, **variables)
        return WorkerProcess(self.folder / "workers", environment, name=role)

    def may_send(self, role: str, *command: str) -> bool:
        """Whether Redis would carry out a command of a role's user."""
        user = user_of(read_settings(topic_prefix=PREFIX), find_roles(role)[0])
        with redis.Redis.from_url(self.redis.url) as administrator:
            return administrator.execute_command("ACL", "DRYRUN", user, *command) == b"OK"


@contextmanager
def authenticated_stack(folder: Path) -> Iterator[AuthenticatedStack]:
    """Open both, make the users and set their rules from the printed lines."""
    plain = read_settings(topic_prefix=PREFIX)
    passwords = {user_of(plain, role): secrets.token_urlsafe(12) for role in ACCESS}
    with ExitStack() as opened:
        authority = Authority(folder / "authority")
        security = KafkaSecurity(authority, passwords)
        kafka = opened.enter_context(KafkaCluster(folder / "kafka", default_cache_dir(), extras=security.extras()))
        store = opened.enter_context(RedisServer(folder / "redis", password=secrets.token_urlsafe(12)))
        proxy = opened.enter_context(TlsProxy(store.address, authority.issue("redis")))
        stack = AuthenticatedStack(folder, authority, kafka, store, proxy, passwords)
        _allow_on_kafka(kafka.administration)
        _allow_in_redis(store.url, passwords)
        yield stack


def printed(*words: str) -> list[str]:
    """The lines that `vidsignal access` prints for a stack under our prefix."""
    ended = CliRunner().invoke(app, ["access", *words], env={"VIDSIGNAL_TOPIC_PREFIX": PREFIX})
    assert ended.exit_code == 0, ended.output
    return ended.stdout.splitlines()


def _allow_on_kafka(administration: dict[str, Any]) -> None:
    acls = [msgspec.json.decode(line, type=KafkaAcl) for line in printed("kafka", "--json")]
    administrator = AdminClient(administration)  # an unnamed one would be gone before its answers are there
    bindings = [_binding(acl) for acl in acls]
    for outcome in administrator.create_acls(bindings).values():
        outcome.result(ASK_SECONDS)
    # They are in the log then; a broker has read it a moment later.
    in_force = partial(_are_in_force, administrator, set(bindings))
    await_value(in_force, ASK_SECONDS, lambda: "not every rule is in force")


def _are_in_force(administrator: AdminClient, bindings: set[AclBinding]) -> bool | None:
    everything = AclBindingFilter(
        ResourceType.ANY,
        None,
        ResourcePatternType.ANY,
        None,
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    return bindings <= set(administrator.describe_acls(everything).result(ASK_SECONDS)) or None


def _binding(acl: KafkaAcl) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC if acl.resource_type == "topic" else ResourceType.GROUP,
        acl.name,
        ResourcePatternType.PREFIXED if acl.pattern_type == "prefixed" else ResourcePatternType.LITERAL,
        acl.principal,
        "*",
        OPERATIONS[acl.operation],
        AclPermissionType.ALLOW,
    )


def _allow_in_redis(url: str, passwords: dict[str, str]) -> None:
    with redis.Redis.from_url(url) as administrator:
        for line in printed("redis"):
            words = shlex.split(line)
            administrator.execute_command(*words)
            administrator.execute_command("ACL", "SETUSER", words[2], f">{passwords[words[2]]}")


def ask_store(settings: Settings, question: Callable[[Redis], Any]) -> Any:
    """Put one question to Redis as the user of the settings."""

    async def ask() -> Any:
        async with Redis.from_url(settings.redis_url.get_secret_value(), **store_options(settings)) as store:
            return await question(store)

    return asyncio.run(ask())


def enter_store(settings: Settings) -> None:
    """Ask Redis once, as a worker does at its start. Raises StoreRefuses; a store that is slow to answer is let be."""
    asyncio.run(require_entry(settings.redis_url.get_secret_value(), store_options(settings)))


def refusal_of_store(settings: Settings) -> str:
    """Ask Redis until it refuses us, and return what is said."""

    def refusal() -> str | None:
        try:
            enter_store(settings)
        except StoreRefuses as refused:
            return str(refused)
        return None

    return await_value(refusal, ASK_SECONDS, lambda: "the store did not refuse us")


def refused_worker(stack: AuthenticatedStack, **settings: str) -> str:
    """Start an intake worker with wrong settings; it has to end by itself. Returns what it said."""
    worker = WorkerProcess(stack.folder / "refused", stack.environment("intake", roles="intake", **settings))
    worker.start()
    try:
        await_value(lambda: worker.child.exit_code, 2 * ASK_SECONDS, lambda: "the worker did not end")
        assert worker.child.exit_code == WorkerExit.MISCONFIGURED
        return worker.child.log_path.read_text(encoding="utf-8")
    finally:
        worker.close()
