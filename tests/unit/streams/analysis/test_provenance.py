"""Fingerprints follow what computes: also a server's version of a model, which may change while a worker runs."""

from __future__ import annotations

from models.card_registry import CARDS
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.engine import PLAN_POLICY
from streams.analysis.provenance import LiveProvenance, models_on_devices, provenance_of

HOW = {"opennsfw": "kserve-float32/nsfw:1", "yamnet": "torch-float32"}


def fingerprint(modality: str, **how: str) -> str:
    return provenance_of(AGENTS[modality], CARDS, {**HOW, **how}, PLAN_POLICY).fingerprint  # type: ignore[index]


def test_a_model_on_a_server() -> None:
    """Its name there and its version are in the fingerprints of its modality, and of no other one."""
    for other in ("kserve-float32/nsfw:2", "kserve-float32/nsfw-v2:1", "kserve-float32", "torch-float32"):
        assert fingerprint("frames", opennsfw=other) != fingerprint("frames")
        assert fingerprint("motion", opennsfw=other) == fingerprint("motion")


def test_it_changes_while_a_worker_runs() -> None:
    """And is computed again only then."""
    how, described = dict(HOW), []

    def describe(modes):  # type: ignore[no-untyped-def]
        described.append(dict(modes))
        return {modality: provenance_of(agent, CARDS, modes, PLAN_POLICY) for modality, agent in AGENTS.items()}

    provenance = LiveProvenance(lambda: how, describe)
    first = provenance()
    assert provenance() is first
    how["opennsfw"] = "kserve-float32/nsfw:2"
    assert provenance()["frames"] != first["frames"]
    assert provenance()["motion"] == first["motion"]
    assert len(described) == 2


def test_the_models_of_a_modality() -> None:
    """Those of texts belong to modalities that read some."""
    assert "opennsfw" in models_on_devices("frames", CARDS)
    assert "all-minilm-l6-v2" in models_on_devices("audio", CARDS)
    assert "all-minilm-l6-v2" not in models_on_devices("motion", CARDS)
    assert "profanity" not in models_on_devices("context", CARDS)
