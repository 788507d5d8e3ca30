"""A stored program is used for exactly what it was compiled of."""

from __future__ import annotations

import stat
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from models.card import Card
from models.model_files import WeightFile
from operators.inference.neuron import artefacts
from operators.inference.neuron.artefacts import Answers, Artefact, Bucket, buckets_of, device_precision, entry_name
from operators.inference.neuron.compiling import fitting_inputs
from tests.support.neuron_machine import NeuronMachine
from tests.support.neuron_programs import empty_store
from tests.unit.operators.inference.neuron import tiny

BUCKET = Bucket((2, 4), "bfloat16")
ARTEFACT = Artefact(b"program", 1, np.zeros(4, np.float32).tobytes(), (Answers.of(np.ones((1, 3), np.float32)),))


def heavier(card: Card) -> Card:
    return replace(card, files=(WeightFile("package==1", "weights", "0" * 64),))


class TestNames:
    def test_same_facts_same_name(self, machine: NeuronMachine) -> None:
        """People read model and bucket in it."""
        name = entry_name(tiny.card(), BUCKET)
        assert name == entry_name(tiny.card(), Bucket((2, 4), "bfloat16"))
        assert name.startswith("inf2-tiny-2x4-bfloat16-")

    def test_weights_bucket_and_precision(self, machine: NeuronMachine) -> None:
        """Each has a program of its own."""
        others = [
            (heavier(tiny.card()), BUCKET),
            (tiny.card(), Bucket((4, 4), "bfloat16")),
            (tiny.card(), Bucket((2, 4, 1), "bfloat16")),
            (tiny.card(), Bucket((2, 4), "float32")),
        ]
        assert len({entry_name(*each) for each in [(tiny.card(), BUCKET), *others]}) == 5

    @pytest.mark.parametrize("package", ["torch", "torch-neuronx", "neuronx-cc"])
    def test_versions(self, machine: NeuronMachine, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of torch, of the package that runs programs, and of the compiler."""
        before, version = entry_name(tiny.card(), BUCKET), metadata.version
        monkeypatch.setattr(
            "operators.inference.neuron.toolchain.version", lambda name: "99" if name == package else version(name)
        )
        assert entry_name(tiny.card(), BUCKET) != before

    def test_flags_and_code(self, machine: NeuronMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of the compiler, of the modules and of the compile step."""
        names = [entry_name(tiny.card(), BUCKET)]
        with monkeypatch.context() as patch:
            patch.setitem(artefacts._AUTO_CAST, "bfloat16", "--auto-cast all")
            names.append(entry_name(tiny.card(), BUCKET))
        monkeypatch.setattr(artefacts, "code_digest", lambda: "other")
        names.append(entry_name(tiny.card(), BUCKET))
        assert len(set(names)) == 3


class TestStore:
    def test_keeps_a_program_for_its_user_alone(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """In a folder of mode 0700; what comes back is what was kept."""
        store = empty_store(tmp_path)
        assert store.keep(tiny.card(), BUCKET, ARTEFACT)
        assert store.recall(tiny.card(), BUCKET) == ARTEFACT
        assert stat.S_IMODE(store.files.folder.stat().st_mode) == 0o700
        assert ARTEFACT.input_array(tiny.card(), BUCKET).shape == (1, 4)
        assert ARTEFACT.answers[0].array().tolist() == [[1.0, 1.0, 1.0]]

    def test_open_to_others(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """A folder that others may write to is not read: a program is code."""
        store = empty_store(tmp_path)
        store.keep(tiny.card(), BUCKET, ARTEFACT)
        store.files.folder.chmod(0o777)
        assert store.recall(tiny.card(), BUCKET) is None


class TestBuckets:
    def test_every_size_and_length(self) -> None:
        """The smallest batches first."""
        assert [bucket.shape for bucket in buckets_of(tiny.words_card(), "float32")] == [
            (1, 4), (1, 8), (2, 4), (2, 8), (4, 4), (4, 8)
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("precisions", "preference", "expected"),
        [
            (("float32", "bfloat16"), "auto", "bfloat16"),
            (("float32", "bfloat16"), "float32", "float32"),
            (("float32",), "bfloat16", "float32"),
        ],
    )
    def test_precision(self, precisions: tuple[artefacts.Precision, ...], preference: str, expected: str) -> None:
        """The faster one unless card or settings exclude it."""
        assert device_precision(replace(tiny.card(), precisions=precisions), preference) == expected

    def test_inputs_of_a_bucket(self) -> None:
        """Shorter texts get zeros at their end, longer ones belong to another bucket."""
        short, long = fitting_inputs(Bucket((1, 4), "float32"), tiny.texts()), tiny.texts()
        assert short.tolist() == [[3, 4, 5, 0], [7, 0, 0, 0]]
        assert fitting_inputs(Bucket((1, 8), "float32"), long).tolist()[0] == long[2].tolist()
        assert len(fitting_inputs(Bucket((1, 4, 3), "float32"), long)) == 0
