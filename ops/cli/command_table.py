"""Names of all commands and what their help says first, known without importing any of them."""

from __future__ import annotations

from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "demo": "Start a broker, Redis 8 and a worker, publish real clips, and show what becomes of them.",
    "local": "Start a broker and Redis 8 on free loopback ports, print the settings to use, and stay until Ctrl-C.",
    "worker": "Run roles until SIGTERM or Ctrl-C; prints one JSON line when models are warm and its groups are joined.",
    "publish": "Publish one upload event per file to `video.uploaded` and wait until the broker confirmed it.",
    "analyze": "Analyse media and print what the pipeline would say of them; exit code 1 where a modality failed.",
    "watch": "Print facts and verdicts as they are written, of one video its refusals, too, until Ctrl-C.",
    "show": "Show a video's status, verdict with evidence, features, embeddings, engagement and receipt, as in Redis.",
    "similar": "Show the nearest videos in one embedding space, nearest first.",
    "spaces": "Embedding spaces: one vector set each, never mixed.",
    "review": "Put a person's decision into the log of facts: it is the verdict's action, whatever the policy says.",
    "forget": "Publish a deletion event and wait until the video is gone from Redis and guarded against late signals.",
    "reprocess": "Send past uploads through the present models, behind everything that is live.",
    "topics": "Create the topics, or check them against their contract.",
    "dead-letters": "Look at events that were given up, and send them again.",
    "engagement": "Send engagement events, one or a made-up stream of them.",
    "policy": "The file that says what is allowed: check it, apply it.",
    "models": "The models, their weights, and the labels that they cover.",
    "projection": "Compare what two runs, or store and topics, decided.",
    "access": "Print what each role has to be allowed, and no more.",
    "rebuild": "Fill a Redis that is empty or was restored from an older state, from the compacted topics and the log.",
    "audit": "Compare the log, the compacted topics and Redis, video by video.",
    "costs": "Add up CPU time, device time, bytes, dollars and joules of the videos in the log.",
    "doctor": "Look at everything that a worker needs, change nothing, and say what is wrong and what to do.",
    "top": "Show rates, lag, stages, slots, batches, verdicts, dead letters, cost and the slowest videos of the "
    "workers.",
    "size": "Reckon workers, partitions, cells, Redis, brokers, accelerators, money and energy; simulate the p99.",
    "bench": "Run a benchmark: a table for people, a JSON object for scripts; exit code 1 where a bound is missed.",
}
"""First paragraph of each command's own help, which a test compares, in the order of `vidsignal --help`."""


def module_of(name: str) -> str:
    """The module that holds a command: a function of its name, or `app`, a group of commands."""
    return f"ops.cli.{function_of(name)}"


def function_of(name: str) -> str:
    """The command's name as Python spells it."""
    return name.replace("-", "_")
