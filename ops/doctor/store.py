"""Redis: whether it answers, is new enough, and persists its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from redis.exceptions import NoPermissionError, RedisError, ResponseError

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, not_checked, ok, warning, wrong
from schemas.counted import counted
from streams.config.settings import Settings
from streams.store.keys import Keys
from streams.store.refusals import is_refusal

OLDEST_VERSION: Final = (8, 2)
"""For vector sets with FILTER as `vidsignal similar` uses them."""
_TIGHT_RATIO: Final = 0.75
_FULL_RATIO: Final = 0.92
_REBUILD: Final = "after a restart Redis is empty: workers refuse to start until `vidsignal rebuild` has filled it"


def examine(context: CheckContext) -> Iterator[Finding]:
    """Check address and rights, then the fields of INFO."""
    try:
        store = context.store.result()
    except RedisError as error:
        yield _unreachable(error)
        return
    yield ok("address", "it answers and lets us in")
    yield _reading(store, context.settings)
    try:
        information = store.info("everything")
    except NoPermissionError:
        do = "look with an administrator's user, or allow it: redis-cli ACL SETUSER <user> +info"
        yield not_checked("information", "our user may not send INFO", do=do)
        return
    yield from judge(information, has_snapshots=_has_snapshots(store), is_demo=context.settings.is_broker_embedded)
    yield _vector_sets(store)


def judge(information: Mapping[str, Any], *, has_snapshots: bool, is_demo: bool = False) -> Iterator[Finding]:
    """Return the findings from the fields of INFO, and from whether the store writes snapshots by itself.

    A demo's broker ends with its process, so a store without persistence is correct there.
    """
    yield _version(information)
    yield _node(information)
    yield _persistence(information, has_snapshots=has_snapshots, is_demo=is_demo)
    yield _eviction(information)
    yield _memory(information)


def _unreachable(error: RedisError) -> Finding:
    if is_refusal(error):
        return wrong(
            "address",
            f"Redis refuses us: {error}",
            means="a worker stops at its start",
            do="correct VIDSIGNAL_REDIS_USERNAME, VIDSIGNAL_REDIS_PASSWORD or the VIDSIGNAL_REDIS_..._FILE settings; "
            "`vidsignal access redis` prints the users",
        )
    return wrong(
        "address",
        f"Redis does not answer at the address in VIDSIGNAL_REDIS_URL: {error}",
        means="workers wait, readers get no features, and nothing is lost meanwhile",
        do="start Redis 8, or correct VIDSIGNAL_REDIS_URL; `vidsignal local` starts one on this machine",
    )


def _reading(store: Any, settings: Settings) -> Finding:
    keys = Keys(settings.topic_prefix)
    try:
        store.hget(keys.status("doctor"), "status")
    except NoPermissionError as error:
        return wrong(
            "rights",
            f"our user may not read {keys.status('<video_id>')}: {error}",
            means="a worker or reader with this user cannot work",
            do="run what `vidsignal access redis` prints, in redis-cli",
        )
    return ok("rights", f"our user may read the keys below {settings.topic_prefix}vs:")


def _version(information: Mapping[str, Any]) -> Finding:
    found = str(information.get("redis_version", "0"))
    numbers = tuple(int(part) if part.isdigit() else 0 for part in found.split(".")[:2])
    if numbers >= OLDEST_VERSION:
        return ok("version", f"Redis {found}")
    return wrong(
        "version",
        f"Redis {found}",
        means="embeddings cannot be stored, so no verdict with one is folded",
        do="use Redis 8.2 or newer",
    )


def _vector_sets(store: Any) -> Finding:
    try:
        known = store.execute_command("COMMAND", "INFO", "vadd", "vsim")
    except (NoPermissionError, ResponseError) as error:
        return not_checked("vector sets", f"COMMAND INFO was answered with: {error}")
    if known and len(known) == 2 and all(known if isinstance(known, list) else known.values()):
        return ok("vector sets", "VADD and VSIM are known")
    return wrong(
        "vector sets",
        "VADD or VSIM is not known",
        means="embeddings cannot be stored, so no verdict with one is folded",
        do="use Redis 8.2 or newer, built with vector sets",
    )


def _node(information: Mapping[str, Any]) -> Finding:
    if information.get("role") == "slave":
        return wrong(
            "node",
            "it is a replica",
            means="nothing can be written; workers wait for it to become the primary",
            do="name the primary in VIDSIGNAL_REDIS_URL",
        )
    if int(information.get("cluster_enabled", 0)):
        return warning(
            "node",
            "it is part of a Redis Cluster",
            means="this release was not tried on one, and keys without a hash tag lie on other nodes",
            do="use one primary with replicas",
        )
    replicas = int(information.get("connected_slaves", 0))
    return ok("node", f"a primary with {counted(replicas, 'replica')}")


def _has_snapshots(store: Any) -> bool:
    try:
        return bool(store.config_get("save").get("save"))
    except (NoPermissionError, ResponseError):  # a hosted Redis has no CONFIG
        return False


def _persistence(information: Mapping[str, Any], *, has_snapshots: bool, is_demo: bool) -> Finding:
    if not int(information.get("aof_enabled", 0)):
        return _not_appending(has_snapshots, is_demo)
    failed = [name for name in ("aof_last_write_status", "aof_last_bgrewrite_status") if information.get(name) == "err"]
    if failed:
        return wrong(
            "persistence",
            f"{', '.join(failed)}: err",
            means="Redis refuses writes or keeps them in memory only",
            do="look at Redis's log and at the room on its disk",
        )
    return ok("persistence", "append-only file, last write well")


def _not_appending(has_snapshots: bool, is_demo: bool) -> Finding:
    do = "redis-cli CONFIG SET appendonly yes, and `appendonly yes` in redis.conf"
    if has_snapshots:
        return warning(
            "persistence",
            "snapshots, and no append-only file",
            means="after a crash Redis is minutes older; workers notice and read the log again, as far as it reaches",
            do=do,
        )
    if is_demo:
        return warning("persistence", "no append-only file", means="it ends with the demo's broker", do=do)
    return wrong("persistence", "no append-only file", means=_REBUILD, do=do)


def _eviction(information: Mapping[str, Any]) -> Finding:
    policy = str(information.get("maxmemory_policy", "unknown"))
    if policy == "noeviction":
        return ok("eviction", policy)
    means = "a full Redis throws states, deadlines and claims away without a word"
    do = "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf"
    if int(information.get("maxmemory", 0)):
        return wrong("eviction", f"maxmemory-policy is {policy}", means=means, do=do)
    return warning("eviction", f"maxmemory-policy is {policy}, without a maxmemory so far", means=means, do=do)


def _memory(information: Mapping[str, Any]) -> Finding:
    used = int(information.get("used_memory", 0))
    limit = int(information.get("maxmemory", 0)) or int(information.get("total_system_memory", 0))
    if not limit:
        return not_checked("memory", "INFO names no limit")
    found = f"{used / 2**20:,.0f} of {limit / 2**20:,.0f} MiB used"
    if used < _TIGHT_RATIO * limit:
        return ok("memory", found)
    means = "when it is full, writes are refused and workers wait"
    do = "give Redis more memory, or shorten VIDSIGNAL_CLAIM_TTL_SECONDS or VIDSIGNAL_VIDEO_RETENTION_SECONDS"
    return (wrong if used >= _FULL_RATIO * limit else warning)("memory", found, means=means, do=do)
