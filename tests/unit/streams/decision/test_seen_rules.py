"""What was not seen has an action: shares of each modality, and tracks that nobody looks at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schemas.evidence import Feature
from schemas.identity import Modality
from schemas.outcomes import Action, ModalityStates
from streams.decision.decide import Decision, decide, percent
from streams.decision.policy import UNSEEN_KINDS, Policy
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy, parse_policy
from streams.decision.seen_rules import DEFAULT_SHARES, DEFAULT_WHEN_UNSEEN
from tests.sample_facts import feature, signal

HEAD = "name: test\nversion: 1\nrules: []\n"


def decided(policy: Policy, modality: Modality = "frames", **features: Any) -> Decision:
    """What comes of one signal; names are written with `__` for the dot."""
    values: dict[str, Feature] = {name.replace("__", "."): feature(value) for name, value in features.items()}
    answers = [signal(modality, features=values)]
    return decide(policy, answers, ModalityStates(present=(modality,)), None)


class TestShares:
    """Floors."""

    @pytest.mark.parametrize("name", ["visual__achieved_ratio", "visual__length_ratio", "visual__intact_ratio"])
    @pytest.mark.parametrize(("share", "action"), [(0.08, "review"), (0.899, "review"), (0.9, "allow"), (1.0, "allow")])
    def test_less_than_nine_tenths_is_for_a_person(self, name: str, share: float, action: Action) -> None:
        """Of what was planned, announced or read."""
        assert decided(load_policy(None), **{name: share}).action == action

    @pytest.mark.parametrize(
        "name", ["audio__achieved_ratio", "audio__length_ratio", "audio__intact_ratio", "audio__seen_ratio"]
    )
    def test_so_is_sound(self, name: str) -> None:
        """Likewise."""
        assert decided(load_policy(None), "audio", **{name: 0.5}).action == "review"

    @pytest.mark.parametrize(("share", "action"), [(0.919, "review"), (0.92, "allow")])
    def test_losses_together_have_a_floor_of_their_own(self, share: float, action: Action) -> None:
        """What is cut off and what is damaged."""
        assert decided(load_policy(None), visual__seen_ratio=share).action == action

    def test_the_reason_says_it_in_words(self) -> None:
        """With share, floor and modality for programs."""
        (reason,) = decided(load_policy(None), visual__length_ratio=0.08).reasons
        assert reason.words == "Only 8% of the announced length could be decoded (frames)."
        assert (reason.score, reason.threshold, reason.modality) == (0.08, 0.9, "frames")

    @pytest.mark.parametrize(
        ("share", "said"), [(0.0, "0%"), (0.0123, "1.2%"), (0.08, "8%"), (0.899, "89%"), (0.9999, "99.9%")]
    )
    def test_a_share_is_never_rounded_up(self, share: float, said: str) -> None:
        """Nearly all is not all."""
        assert percent(share) == said

    @pytest.mark.parametrize("value", [None, "half", [0.1]])
    def test_a_share_that_is_no_number_is_no_share(self, value: object) -> None:
        """Another release may count in another way; nothing is said of it."""
        assert decided(load_policy(None), visual__achieved_ratio=value).action == "allow"

    def test_nothing_is_said_of_what_was_not_counted(self) -> None:
        """Signals of releases before this one have no shares."""
        assert decided(load_policy(None)).action == "allow"

    def test_an_own_policy_that_does_not_speak_of_it_is_as_cautious(self) -> None:
        """Nobody has to know of a hole to close it; the packaged file says what holds without it."""
        own, packaged = parse_policy(HEAD.encode()), load_policy(None)
        assert own.shares == packaged.shares == DEFAULT_SHARES
        assert own.when_unseen == packaged.when_unseen == DEFAULT_WHEN_UNSEEN

    def test_an_own_policy_may_decide_otherwise(self) -> None:
        """Other floors, or none."""
        own = parse_policy(f"{HEAD}shares:\n  - {{feature: visual.achieved_ratio, below: {{block: 0.2}}}}\n".encode())
        assert decided(own, visual__achieved_ratio=0.1).action == "block"
        assert decided(own, visual__achieved_ratio=0.3).action == "allow"
        assert decided(parse_policy(f"{HEAD}shares: []\n".encode()), visual__achieved_ratio=0.1).action == "allow"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[{feature: visual.tags, below: {review: 0.9}}]", "$.shares[0].feature"),
            ("[{feature: visual.achieved_ratio, below: {review: 1.9}}]", "$.shares[0].below.review"),
            ("[{feature: visual.achieved_ratio, below: {}, words: '{label}'}]", "$.shares[0].words"),
            (
                "[{feature: audio.speech_ratio, below: {}}, {feature: audio.speech_ratio, below: {}}]",
                "one rule a feature",
            ),
        ],
    )
    def test_mistakes_are_named(self, text: str, said: str) -> None:
        """With their place."""
        with pytest.raises(InvalidPolicy) as caught:
            parse_policy(f"{HEAD}shares: {text}\n".encode())
        assert said in str(caught.value)


class TestUnseenTracks:
    """What the media holds and nobody looks at."""

    @pytest.mark.parametrize(
        ("kind", "action"),
        [
            ("video", "review"),
            ("audio", "review"),
            ("trailing", "review"),
            ("hidden", "review"),
            ("attachment", "review"),
            ("text", "allow"),
            ("picture", "allow"),
        ],
    )
    def test_each_kind_has_its_action(self, kind: str, action: Action) -> None:
        """A second film and a second sound are for a person; subtitles are named only."""
        assert decided(load_policy(None), visual__unseen_tracks=[{"kind": kind}]).action == action

    def test_the_reason_names_and_counts_them(self) -> None:
        """In words."""
        tracks = [{"kind": "audio", "number": 2, "codec": "aac"}, {"kind": "audio", "number": 3, "codec": "aac"}]
        (reason,) = decided(load_policy(None), "audio", audio__unseen_tracks=tracks).reasons
        assert reason.words == "The media has 2 sound tracks more, which nobody listened to."
        assert reason.modality == "audio"

    @pytest.mark.parametrize(
        ("tracks", "words"),
        [
            ([{"kind": "video"}], "The media has 1 video track more, which nobody looked at."),
            (
                [{"kind": "attachment"}, {"kind": "attachment"}],
                "The media has 2 attached files more, which nobody looked at.",
            ),
            (
                [
                    {"kind": "hidden", "codec": codec, "size_bytes": size}
                    for codec, size in (("zip", 1_000_000), ("mp4", 40_000), ("zip", 8_576), ("avi", 0), ("", 0))
                ],
                "The media holds 1024 KiB (avi, mp4, zip) that belong to none of its streams, which nobody looked at.",
            ),
            (
                [{"kind": "trailing", "size_bytes": 1_500}],
                "The media has 1 KiB behind the end of its container, which nobody looked at.",
            ),
            (
                [{"kind": "trailing", "codec": "mp4"}],
                "The media has bytes (mp4) behind the end of its container, which nobody looked at.",
            ),
        ],
        ids=["one", "two", "formats in order, sizes together", "small", "no size"],
    )
    def test_the_reason_says_what_there_is(self, tracks: list[dict[str, object]], words: str) -> None:
        """How much, of which formats, and what nobody did with it."""
        (reason,) = decided(load_policy(None), visual__unseen_tracks=tracks).reasons
        assert (reason.words, reason.action) == (words, "review")

    def test_some_bytes_are_never_said_to_be_none(self) -> None:
        """Less than a KiB is told as one."""
        own = parse_policy(f"{HEAD}min_unseen_bytes: {{trailing: 1}}\n".encode())
        (reason,) = decided(own, visual__unseen_tracks=[{"kind": "trailing", "size_bytes": 10}]).reasons
        assert reason.words.startswith("The media has 1 KiB behind")

    def test_without_a_least_size_nothing_is_small(self) -> None:
        """Not even a track of no bytes."""
        own = replace(load_policy(None), when_unseen={"video": "limit"}, min_unseen_bytes={})
        tracks = [{"kind": "video", "size_bytes": 0}]
        assert decided(own, visual__unseen_tracks=tracks).action == "limit"

    @pytest.mark.parametrize("kind", UNSEEN_KINDS)
    def test_a_kind_that_the_policy_does_not_name_is_allowed(self, kind: str) -> None:
        """Without a reason of its own."""
        own = replace(load_policy(None), when_unseen={}, min_unseen_bytes={})
        (reason,) = decided(own, visual__unseen_tracks=[{"kind": kind}]).reasons
        assert (reason.action, reason.modality) == ("allow", None)

    @pytest.mark.parametrize("value", [None, 3, "video", ["video"], [{"kind": "smell"}], [{}], {"kind": "video"}])
    def test_what_cannot_be_read_is_passed_over(self, value: object) -> None:
        """Another release may name tracks in another way."""
        own = replace(load_policy(None), when_unseen=dict.fromkeys([*UNSEEN_KINDS, "smell", None], "block"))
        (reason,) = decided(own, visual__unseen_tracks=value).reasons
        assert reason.action == "allow"

    def test_an_own_policy_may_allow_them(self) -> None:
        """Where its players never show a second track."""
        own = parse_policy(f"{HEAD}when_unseen: {{video: allow}}\n".encode())
        assert decided(own, visual__unseen_tracks=[{"kind": "video"}]).action == "allow"
        assert decided(own, visual__unseen_tracks=[{"kind": "trailing"}]).action == "review"

    @pytest.mark.parametrize(
        ("sizes", "action"), [((65_535,), "allow"), ((65_536,), "review"), ((40_000, 40_000), "review")]
    )
    def test_few_hidden_bytes_have_no_action(self, sizes: tuple[int, ...], action: Action) -> None:
        """Muxers leave some; all of a kind count together."""
        tracks = [{"kind": "hidden", "size_bytes": size} for size in sizes]
        assert decided(load_policy(None), visual__unseen_tracks=tracks).action == action

    def test_an_own_policy_may_count_from_another_size(self) -> None:
        """In bytes; the other kinds stay."""
        own = parse_policy(f"{HEAD}min_unseen_bytes: {{hidden: 1000}}\n".encode())
        assert decided(own, visual__unseen_tracks=[{"kind": "hidden", "size_bytes": 1_000}]).action == "review"
        assert own.min_unseen_bytes["trailing"] == load_policy(None).min_unseen_bytes["trailing"] == 1_024

    def test_the_reason_says_how_much_of_what_is_hidden(self) -> None:
        """With the format that it begins as."""
        tracks = [{"kind": "hidden", "codec": "mp4", "size_bytes": 300_000}]
        (reason,) = decided(load_policy(None), visual__unseen_tracks=tracks).reasons
        assert (
            reason.words == "The media holds 292 KiB (mp4) that belong to none of its streams, which nobody looked at."
        )
