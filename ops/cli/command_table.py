"""Names of all commands and the first paragraph of their help, known without importing any of them."""

from __future__ import annotations

from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "demo": "Start a broker, Redis 8 and a worker, publish real clips, and show their results.",
    "local": "Start a broker and Redis 8 on free loopback ports, print the settings to use, and stay until Ctrl-C.",
    "worker": "Run roles until SIGTERM or Ctrl-C; prints one JSON line when models are warm and its groups are joined.",
    "publish": "Publish one upload event per file to `video.uploaded` and wait for the broker's confirmation.",
    "analyze": "Analyse media and print the pipeline's results for them; exit code 1 if a modality failed.",
    "watch": "Print facts and verdicts as they are written, and the refusals of a watched video, until Ctrl-C.",
    "show": "Show a video's status, verdict with evidence, features, embeddings, engagement and receipt, as in Redis.",
    "similar": "Show the nearest videos in one embedding space, nearest first.",
    "spaces": "Embedding spaces: one vector set each, never mixed.",
    "review": "Write a person's decision to the log of facts: it is the verdict's action, whatever the policy decides.",
    "forget": "Publish a deletion event and wait until the video is removed from Redis and late signals are ignored.",
    "reprocess": "Analyse past uploads with the current models, at backfill priority.",
    "topics": "Create the topics, or check them against their contract.",
    "dead-letters": "List, show and redrive dead letters: events that were given up.",
    "engagement": "Publish engagement events, one or a made-up stream.",
    "policy": "Check and apply policy files.",
    "fusion": "Learn how evidence of several modalities is combined from reviewed verdicts.",
    "judge": "Compare a chat model's answers about labels with people's decisions.",
    "evaluate": "Measure what is said of media against known truth: precision, recall, AUC, errors, thresholds; exit "
    "code 1 if a figure is worse than the saved one, or a set cannot run.",
    "models": "The models, their weights, and the labels that they cover.",
    "projection": "Compare the results of two runs, or of store and topics.",
    "access": "Print the rights that each role needs.",
    "rebuild": "Fill a Redis that is empty or was restored from an older state, from the compacted topics and the log.",
    "audit": "Compare the log, the compacted topics and Redis, video by video.",
    "costs": "Add up CPU time, device time, bytes, dollars and joules of the videos in the log.",
    "doctor": "Check everything that a worker needs, change nothing, and print what is wrong and what to do.",
    "top": "Show rates, lag, stages, slots, batches, verdicts, dead letters, cost and the slowest videos of the "
    "workers.",
    "size": "Compute workers, partitions, cells, Redis, brokers, accelerators, money and energy; simulate the p99.",
    "bench": "Run a benchmark: a table for people, a JSON object for scripts; exit code 1 if a bound is missed.",
}
"""First paragraph of each command's help, which a test compares, in the order of `vidsignal --help`."""


def module_of(name: str) -> str:
    """Return the module of a command: it has a function of the command's name, or `app`, a group of commands."""
    return f"ops.cli.{function_of(name)}"


def function_of(name: str) -> str:
    """Return the command's name as a Python identifier."""
    return name.replace("-", "_")
