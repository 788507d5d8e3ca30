"""Models that somebody adds, from card to verdict: the page of the documents, typed in a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from ops.cli.main import app
from tests.documents import DOCS, fenced_blocks
from tests.support import tiny_transformers as tiny
from tests.support.tiny_models import CARD, Brightness, save_exported, save_onnx, torchscript_card, write_card

pytestmark = pytest.mark.integration

PAGE = DOCS["models.md"]
LABEL = "violence/weapons/blade-visible"
CLIP = "bigbuckbunny.mp4"
NAMES = (
    "script", "export", "graph", "vit", "bert", "wav", "ast", "whisper", "mae", "fast", "clip", "siglip", "siglip2",
    "yolos", "part",
)  # fmt: skip


class Shell:
    """Lines of the page, with folders of the test in place of the reader's."""

    def __init__(self, folder: Path, samples: Path) -> None:
        self.folder = folder
        self.samples = samples
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "VIDSIGNAL_LOG_LEVEL": "error"}

    def meant(self, text: str) -> str:
        text = text.replace("~/.cache/vidsignal/samples", str(self.samples))
        return text.replace("~/vidsignal-models", str(self.folder / "models"))

    def python(self, block: str) -> None:
        self.run([sys.executable, "-c", self.meant(block)])

    def sh(self, block: str) -> dict[str, str]:
        """Output by line; `export` holds for what follows."""
        said = {}
        for line in block.splitlines():
            if line.startswith("export "):
                name, _, value = self.meant(line).removeprefix("export ").partition("=")
                self.environment[name] = value
            else:
                said[line] = self.run(["bash", "-ec", self.meant(line)])
        return said

    def run(self, command: list[str]) -> str:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.environment, cwd=self.folder, timeout=600
        )
        assert ended.returncode == 0, f"{command[-1]}: {ended.stderr}"
        return ended.stdout


@pytest.fixture(scope="module")
def typed(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All that the page's lines print."""
    shell = Shell(tmp_path_factory.mktemp("reader"), samples)
    said: dict[str, str] = {}
    for language, block in fenced_blocks(PAGE):
        if language == "python":
            shell.python(block)
        elif language == "sh":
            said |= shell.sh(block)
    return said


def said_by(typed: dict[str, str], start: str) -> str:
    return next(said for line, said in typed.items() if line.startswith(start))


def evidence(typed: dict[str, str]) -> dict[str, Any]:
    outcome = json.loads(said_by(typed, "vidsignal analyze"))
    return next(label for label in outcome["verdict"]["labels"] if label["label"] == LABEL)


class TestThePage:
    def test_check_says_what_the_model_answers(self, typed: dict[str, str]) -> None:
        """Its fingerprint, its outputs, and the labels that it means."""
        said = said_by(typed, "vidsignal models check")
        assert "output scores: 2" in said
        assert f"label {LABEL} by 'bright'" in said

    def test_verify_and_coverage_know_it(self, typed: dict[str, str]) -> None:
        """Like the product's own."""
        assert "ok   bright" in said_by(typed, "vidsignal models verify")
        assert "bright" in said_by(typed, "vidsignal models coverage")

    def test_the_verdict_names_it(self, typed: dict[str, str]) -> None:
        """The label that it alone produces has its score and its name, with places in time."""
        found = evidence(typed)
        assert found["model"] == "bright@1.0.0"
        assert found["score"] > 0.9
        assert found["segments"]


@pytest.fixture(scope="module")
def outcome(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is said of a clip with a model of each format next to the product's own."""
    shell = Shell(tmp_path_factory.mktemp("formats"), samples)
    models = shell.folder / "models"
    bright = CARD.replace("side_px = {side_px}", "side_px = {side_px}\nmean = [-0.5, -0.5, -0.5]")
    torchscript_card(models / "script", text=bright)
    save_exported(Brightness(), models / "export" / "model.pt")
    save_onnx(models / "graph" / "model.pt")
    for name, kind in (("export", "export"), ("graph", "onnx")):
        write_card(models / name, bright.replace('"torchscript"', f'"{kind}"'))
    tiny.image_classifier(models / "vit")
    tiny.text_classifier(models / "bert")
    tiny.audio_classifier(models / "wav")
    tiny.spectrogram_transformer(models / "ast")
    tiny.whisper_classifier(models / "whisper")
    tiny.video_classifier(models / "mae")
    tiny.detector(models / "yolos")
    tiny.part_classifier(models / "part", "yolos")
    tiny.speech_reader(models / "reader")
    tiny.video_classifier(models / "fast", tiny.CLIP_INPUT.replace("stride = 2", "frame_seconds = 0.1"))
    for kind in ("clip", "siglip", "siglip2"):
        tiny.image_text(models / kind, kind)
    shell.environment |= {"VIDSIGNAL_MODEL_CARDS": str(models), "VIDSIGNAL_TRUSTED_MODEL_FOLDERS": str(models)}
    checked = CliRunner().invoke(app, ["models", "check", str(models)], env=shell.environment)
    assert checked.exit_code == 0, checked.output
    line = f"vidsignal analyze {samples / 'obama_speech.mp4'} --title 'you are awful' --json"
    said: dict[str, Any] = json.loads(shell.run(["bash", "-ec", line]))
    return said


class TestEveryFormat:
    """One worker's engine with a model of each format, and with two that make labels of sentences."""

    @pytest.mark.parametrize("name", NAMES)
    def test_reaches_the_verdict(self, outcome: dict[str, Any], name: str) -> None:
        """Each states the label that its card maps."""
        models = {found["model"] for found in outcome["verdict"]["labels"] if found["label"] == LABEL}
        assert f"{name}@1.0.0" in models

    def test_sentences_are_marked(self, outcome: dict[str, Any]) -> None:
        """Their scores are no probabilities, and report it; those of classes are not marked."""
        marked = {found["model"] for found in outcome["verdict"]["labels"] if found.get("uncalibrated")}
        assert marked == {"clip@1.0.0", "siglip@1.0.0", "siglip2@1.0.0"}

    def test_objects_have_places(self, outcome: dict[str, Any]) -> None:
        """Boxes of the detector, with time and class, and where the model for parts of frames saw its label."""
        regions = [found for found in outcome["verdict"]["regions"] if found["model"] == "yolos@1.0.0"]
        assert regions  # next to those of the product's own detectors
        assert all(found["class"] in ("good", "bad") for found in regions)
        (part,) = (found for found in outcome["verdict"]["labels"] if found["model"] == "part@1.0.0")
        assert part["regions"][0]["box"].keys() == {"left", "top", "right", "bottom"}

    def test_texts_have_times(self, outcome: dict[str, Any]) -> None:
        """What the model with letters reads of the sound."""
        texts = [found for found in outcome["texts"] if found["model"] == "reader@1.0.0"]
        assert "texts" not in outcome["verdict"]
        assert texts and all(found["text"] and found["end_seconds"] > found["start_seconds"] for found in texts)

    def test_embeddings(self, outcome: dict[str, Any]) -> None:
        """Each in its own space, next to those of the product's models."""
        assert {"clip/8", "siglip/8", "siglip2/8", "yamnet/1024"} <= outcome["recommendation"]["embeddings"].keys()


class TestAWrongCard:
    def test_stops_a_worker_in_one_line(self, samples: Path, tmp_path: Path) -> None:
        """With file, field, what was found and what is allowed; nothing is opened before."""
        shell = Shell(tmp_path, samples)
        torchscript_card(tmp_path / "models" / "mine", text=CARD.replace("{label}", "violence/weapons/blade"))
        shell.environment["VIDSIGNAL_MODEL_CARDS"] = str(tmp_path / "models")
        with pytest.raises(AssertionError) as raised:
            shell.run(["bash", "-ec", "vidsignal worker"])

        said = str(raised.value)
        assert "card.toml" in said
        assert "outputs[0].labels[0].label is 'violence/weapons/blade'" in said
        assert f"did you mean '{LABEL}'" in said
        assert "Traceback" not in said


class TestCalibration:
    def test_of_labelled_files(self, samples: Path, tmp_path: Path) -> None:
        """Files are scored as a worker scores them, each once, and what is fitted stands next to the card."""
        shell = Shell(tmp_path, samples)
        torchscript_card(tmp_path / "models" / "mine", text=CARD.replace('"{label}"', f'"{LABEL}"'))
        for name, level in (("white.png", 255), ("black.png", 0)):
            cv2.imwrite(str(tmp_path / name), np.full((256, 256, 3), level, dtype=np.uint8))
        rows = [f"{name},{truth}" for name, truth in (("white.png", 1), ("black.png", 0)) for _ in range(50)]
        (tmp_path / "examples.csv").write_text("\n".join(["file,truth", *rows]), encoding="utf-8")
        models = str(tmp_path / "models")
        shell.environment |= {"VIDSIGNAL_MODEL_CARDS": models, "VIDSIGNAL_TRUSTED_MODEL_FOLDERS": models}
        line = "vidsignal models calibrate models/mine --labels examples.csv --json"

        said = json.loads(shell.run(["bash", "-ec", line]))

        assert (tmp_path / "models" / "mine" / "calibration.json").is_file()
        (fitted,) = said["labels"]
        assert (fitted["label"], fitted["num_positives"], fitted["num_negatives"]) == (LABEL, 50, 50)
        assert fitted["brier_after"] < 0.01
