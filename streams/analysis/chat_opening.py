"""Opens what asks a chat model about videos, if settings name one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from operators.captions.caption_question import prompt_fingerprint as captions_prompt
from operators.inference.loaded_model import RequestTerms
from operators.inference.remote.chat_client import ChatAnswer, ChatClient, Question
from operators.inference.remote.request_time import LEAST_SECONDS
from operators.judge.judge_question import prompt_fingerprint as judge_prompt
from streams.analysis.agents.analysis import ChatParts
from streams.analysis.model_servers import openai_options
from streams.analysis.server_health import WatchedServers
from streams.config.settings import Settings
from streams.decision.judge_rule import meanings_of
from streams.decision.policy import Policy
from streams.decision.policy_file import load_policy
from streams.delivery.breaker import Breakers

_PURPOSE: Final = "chat"
REQUEST_SHARE: Final = 0.45
"""Longest request, as a share of all the time for a video. At most half of it is waited for other agents, so a request
without a near deadline has as long as this, and a server that answers none of them is found to be unavailable."""


class LimitedAsker:
    """Asks one model, a limited number of questions at a time; waiting for room is part of a question's time.

    Args:
        client: of the model; belongs to the same event loop.
        max_requests: in flight.
        clock: monotonic seconds.
    """

    def __init__(self, client: ChatClient, max_requests: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._room = asyncio.Semaphore(max_requests)
        self._clock = clock

    async def ask(self, question: Question, seconds: float) -> ChatAnswer:
        """See `ChatAsker`."""
        end_seconds = self._clock() + seconds
        async with asyncio.timeout(max(0.0, seconds)):
            await self._room.acquire()
        try:
            left_seconds = end_seconds - self._clock()
            if left_seconds < LEAST_SECONDS:
                raise TimeoutError(f"{left_seconds:.1f} s are left for a question; it takes {LEAST_SECONDS} s at least")
            return await self._client.ask(question, RequestTerms(seconds_left=left_seconds))
        finally:
            self._room.release()


def open_chat(settings: Settings, breakers: Breakers, opening: AsyncExitStack) -> ChatParts | None:
    """Return what asks a chat model; None if no setting names one. Nothing is sent yet.

    Raises:
        InvalidPolicy: the policy file, which may have a judge, is wrong.
    """
    if settings.chat_model is None:
        return None
    policy = load_policy(settings.policy_file)
    longest_seconds = min(settings.model_server_timeout_seconds, REQUEST_SHARE * settings.chat_timeout_seconds)
    options = replace(openai_options(settings, WatchedServers(breakers, _PURPOSE)), timeout_seconds=longest_seconds)
    client = ChatClient(options, settings.chat_model)
    opening.push_async_callback(client.aclose)
    return ChatParts(
        asker=LimitedAsker(client, options.max_requests),
        model=settings.chat_model,
        captions_ratio=settings.captions_ratio,
        captioned_videos=settings.captioned_videos,
        num_pictures=settings.chat_pictures,
        policy=policy if policy.judge is not None else None,
        timeout_seconds=settings.chat_timeout_seconds,
    )


def chat_fingerprint(chat: ChatParts | None) -> str:
    """Return everything except models that decides what is asked of which videos; empty if nothing is."""
    if chat is None or (chat.captions_ratio == 0 and chat.policy is None):
        return ""
    captions = f"{captions_prompt()}/{chat.captions_ratio:g}/{chat.captioned_videos}" if chat.captions_ratio else "none"
    return f"{chat.model}/{chat.num_pictures}/captions={captions}/judge={_judge(chat.policy)}"


def _judge(policy: Policy | None) -> str:
    if policy is None or policy.judge is None:
        return "none"
    rule = policy.judge
    return f"{judge_prompt(meanings_of(rule.bands))}/{rule.version}/{sorted(rule.bands.items())}/{rule.random_ratio:g}"
