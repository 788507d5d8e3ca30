"""The formats that an added card may name, each with a tiny model of it: what it answers, and what stops it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.added_cards import CardSettings, installed_cards, verify_files
from models.card_errors import CardInvalid
from models.card_file import read_card
from models.ctc_text import read_vocabulary
from models.loaders import load_module
from models.model_input import AudioInput, TextInput
from models.text_pieces import read_tokenizer
from operators.audio.log_mel import log_mel
from operators.inference.precision_wrapper import PrecisionWrapper, warm_up_batch
from tests.support import tiny_transformers as tiny
from tests.support.tiny_models import CARD, SIDE_PX, Brightness, save_exported, save_onnx, sha256_of, write_card

EXPORT = CARD.replace('format = "torchscript"', 'format = "export"')
ONNX = CARD.replace('format = "torchscript"', 'format = "onnx"')
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def grey(*levels: int) -> Tensor:
    return torch.stack([torch.full((SIDE_PX, SIDE_PX, 3), level, dtype=torch.uint8) for level in levels])


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def module_of(path: Path) -> nn.Module:
    return load_module(read_card(path, is_added=True), path.parent)


def refusal(path: Path) -> str:
    with pytest.raises(CardInvalid) as raised:
        module_of(path)
    assert str(path) in str(raised.value)
    return str(raised.value)


class TestArchives:
    def test_export(self, tmp_path: Path) -> None:
        """An exported program answers as the module that it was made of."""
        save_exported(Brightness(), tmp_path / "mine" / "model.pt")
        (scores,) = module_of(write_card(tmp_path / "mine", EXPORT))(grey(0, 255, 128))
        assert scores[:, 1].tolist() == pytest.approx([0.0, 1.0, 0.54], abs=0.01)

    @pytest.mark.parametrize("output", ["scores", "output_0"])
    def test_onnx(self, tmp_path: Path, output: str) -> None:
        """A graph answers, whether its outputs bear the card's names or others in the same order."""
        save_onnx(tmp_path / "mine" / "model.pt", output)
        (scores,) = module_of(write_card(tmp_path / "mine", ONNX))(grey(0, 255, 128))
        assert scores[:, 1].tolist() == pytest.approx([0.0, 1.0, 0.54], abs=0.01)

    def test_a_batch_size_that_it_does_not_take(self, tmp_path: Path) -> None:
        """A graph of one row at a time is refused for batches of eight, and runs where the card reports it."""
        save_onnx(tmp_path / "mine" / "model.pt", rows=1)
        assert "in each of runs.batch_sizes" in refusal(write_card(tmp_path / "mine", ONNX))

        one = write_card(tmp_path / "mine", ONNX + "\n[runs]\nbatch_sizes = [1]\n")
        assert module_of(one)(grey(255))[0][0, 1] > 0.99

    @pytest.mark.parametrize("text", [EXPORT, ONNX], ids=["export", "onnx"])
    def test_other_bytes(self, tmp_path: Path, text: str) -> None:
        """Bytes with the right hash that are no model of the format."""
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "model.pt").write_bytes(b"\x80\x04pickle")
        kind = "an archive of torch.export.save" if text is EXPORT else "an ONNX graph"
        assert f"model.files is 'model.pt: a pickle'; allowed: {kind}" in refusal(write_card(tmp_path / "mine", text))

    @pytest.mark.parametrize("text", [EXPORT, ONNX], ids=["export", "onnx"])
    def test_need_trust(self, tmp_path: Path, text: str) -> None:
        """Both are programs."""
        write_card(tmp_path / "mine", text)
        with pytest.raises(CardInvalid, match="only below a folder of VIDSIGNAL_TRUSTED_MODEL_FOLDERS"):
            installed_cards(CardSettings(folders=(tmp_path,)))

    def test_without_the_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message says what to install."""
        save_onnx(tmp_path / "mine" / "model.pt")
        path = write_card(tmp_path / "mine", ONNX)
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        assert "pip install 'vidsignal[onnx]'" in refusal(path)


class TestClassifiers:
    def test_pictures(self, tmp_path: Path) -> None:
        """As `transformers` itself answers, with the classes of the configuration."""
        from transformers import ViTForImageClassification

        path = tiny.image_classifier(tmp_path / "vit")
        card = read_card(path, is_added=True)
        assert card.scores is not None
        assert card.scores.classes == ("good", "bad")

        batch = noise(3, 32, 32, 3)
        theirs = ViTForImageClassification.from_pretrained(tmp_path / "vit" / "snapshot").eval()
        pixels = (batch.float() / 255 - 0.5).permute(0, 3, 1, 2) / 0.5
        with torch.inference_mode():
            expected = theirs(pixels).logits.softmax(1)
            (scores,) = module_of(path)(batch)
        torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)

    def test_sound(self, tmp_path: Path) -> None:
        """Windows are normalised as the card says."""
        from transformers import Wav2Vec2ForSequenceClassification

        path = tiny.audio_classifier(tmp_path / "wav")
        sound = 0.1 * torch.randn(2, 8_000, generator=torch.Generator().manual_seed(1)) + 0.3
        theirs = Wav2Vec2ForSequenceClassification.from_pretrained(tmp_path / "wav").eval()
        normal = (sound - sound.mean(1, keepdim=True)) / sound.std(1, correction=0, keepdim=True)
        with torch.inference_mode():
            expected = theirs(normal).logits.softmax(1)
            (scores,) = module_of(path)(sound)
        torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-4)

    def test_clips(self, tmp_path: Path) -> None:
        """A VideoMAE answers as with its own image processor."""
        from transformers import VideoMAEForVideoClassification, VideoMAEImageProcessor

        path = tiny.video_classifier(tmp_path / "mae")
        batch = noise(2, 4, 32, 32, 3)
        processor = VideoMAEImageProcessor(
            do_resize=False, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
        )
        theirs = VideoMAEForVideoClassification.from_pretrained(tmp_path / "mae").eval()
        with torch.inference_mode():
            given = processor([list(clip.numpy()) for clip in batch], return_tensors="pt")
            expected = theirs(**given).logits.softmax(1)
            (scores,) = module_of(path)(batch)
        torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-4)

    def test_objects(self, tmp_path: Path) -> None:
        """A YOLOS finds what `transformers` itself makes of its answers."""
        from transformers import YolosForObjectDetection, YolosImageProcessor

        batch = noise(2, 32, 32, 3)
        pixels = (batch.float() / 255 - 0.5).permute(0, 3, 1, 2) / 0.5
        path = tiny.detector(tmp_path / "yolos")
        theirs = YolosForObjectDetection.from_pretrained(tmp_path / "yolos").eval()
        with torch.inference_mode():
            expected = YolosImageProcessor().post_process_object_detection(theirs(pixels), 0.0)
            rows, _ = module_of(path)(batch)
        assert not rows[:, 5:].any()  # rows of zeros fill up what it answers
        for found, wanted in zip(rows[:, :5], expected, strict=True):
            order = wanted["scores"].argsort(descending=True)
            torch.testing.assert_close(found[:, 4], wanted["scores"][order], rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(found[:, :4], wanted["boxes"][order], rtol=1e-3, atol=1e-4)
            assert found[:, 5].int().tolist() == wanted["labels"][order].tolist()

    def test_speech(self, tmp_path: Path) -> None:
        """The text is what the tokenizer of `transformers` makes of the best tokens."""
        from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2ForCTC

        path = tiny.speech_reader(tmp_path / "ctc")
        card = read_card(path, is_added=True)
        assert card.model is not None and card.text is not None
        sound = torch.randn(3, 8_000, generator=torch.Generator().manual_seed(2))
        theirs = Wav2Vec2ForCTC.from_pretrained(tmp_path / "ctc").eval()
        normal = (sound - sound.mean(1, keepdim=True)) / sound.std(1, correction=0, keepdim=True)
        with torch.inference_mode():
            tokens = theirs(normal).logits.argmax(2)
            (steps,) = module_of(path)(sound)
        vocabulary = read_vocabulary(card.model, card.text)
        tokenizer = Wav2Vec2CTCTokenizer(str(tmp_path / "ctc" / "vocab.json"))
        found = [vocabulary.read(each.numpy())[0] for each in steps]
        wanted = [re.sub("<.*?>", "", tokenizer.decode(each)) for each in tokens]
        assert found == [" ".join(text.split()) for text in wanted]
        assert any(found)

    @pytest.mark.parametrize("kind", ["spectrogram_transformer", "whisper_classifier"])
    def test_spectrograms(self, tmp_path: Path, kind: str) -> None:
        """From sound to scores as the feature extractor and the model of `transformers` go."""
        import transformers

        path = getattr(tiny, kind)(tmp_path / "mine")
        card = read_card(path, is_added=True)
        assert isinstance(card.prepared, AudioInput) and card.prepared.log_mel is not None
        sound = (0.1 * np.random.default_rng(1).standard_normal(16_000)).astype(np.float32)
        spectrum = torch.from_numpy(log_mel(sound, 16_000, card.prepared.log_mel)[None])
        assert spectrum.shape[1:] == card.input_shape

        is_ast = kind == "spectrogram_transformer"
        extractor = (
            transformers.ASTFeatureExtractor(num_mel_bins=32, max_length=112)
            if is_ast
            else transformers.WhisperFeatureExtractor(chunk_length=1)
        )
        given = extractor(sound, sampling_rate=16_000, return_tensors="pt")
        theirs = transformers.AutoModelForAudioClassification.from_pretrained(tmp_path / "mine").eval()
        with torch.inference_mode():
            expected = theirs(**given).logits.softmax(1)
            (scores,) = module_of(path)(spectrum)
        (wanted,) = given.values()
        torch.testing.assert_close(spectrum, wanted, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-4)

    def test_texts(self, tmp_path: Path) -> None:
        """Padding changes nothing: a short text is scored as it is alone."""
        from transformers import BertForSequenceClassification

        path = tiny.text_classifier(tmp_path / "bert")
        card = read_card(path, is_added=True)
        assert card.model is not None and isinstance(card.prepared, TextInput)
        (piece,) = read_tokenizer(card.model, card.prepared).encode_all("you are awful")
        assert (piece.shape, piece.dtype, piece[5:].tolist()) == ((8,), np.int64, [0, 0, 0])

        theirs = BertForSequenceClassification.from_pretrained(tmp_path / "bert").eval()
        with torch.inference_mode():
            expected = theirs(input_ids=torch.from_numpy(piece[None, :5])).logits.softmax(1)
            (scores,) = module_of(path)(torch.from_numpy(piece[None]))
        torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)

    def test_long_texts_are_read_to_the_end(self, tmp_path: Path) -> None:
        """In pieces, each with the tokens of its ends."""
        card = read_card(tiny.text_classifier(tmp_path / "bert"), is_added=True)
        assert card.model is not None and isinstance(card.prepared, TextInput)
        pieces = read_tokenizer(card.model, card.prepared).encode_all("you are nice " * 4 + "awful")

        assert len(pieces) == 3
        assert all(piece[0] == 2 and 3 in piece for piece in pieces)
        assert 4 + tiny.WORDS.index("awful") in pieces[-1]


def pictures(kind: str, pixels: Tensor) -> dict[str, Tensor]:
    """What the library's own model takes: pixels, or what its processor makes of them."""
    if kind != "siglip2":
        return {"pixel_values": pixels}
    from transformers.models.siglip2.image_processing_siglip2 import convert_image_to_patches

    patches = torch.stack([convert_image_to_patches(picture, 8) for picture in pixels])
    shapes = torch.tensor([[4, 4]] * len(pixels))
    return {"pixel_values": patches, "pixel_attention_mask": torch.ones(patches.shape[:2]), "spatial_shapes": shapes}


def siglip2(folder: Path) -> Path:
    return tiny.image_text(folder, "siglip2")


def cased_tokenizer(path: Path) -> None:
    """Take the lower case out of a card's tokenizer, as some are published."""
    file = path.parent / "tokenizer.json"
    before = sha256_of(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), "normalizer": None}))
    path.write_text(path.read_text().replace(before, sha256_of(file)))


class TestZeroShot:
    @pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
    def test_scores_and_embedding(self, tmp_path: Path, kind: str) -> None:
        """As `transformers` itself compares one sentence with a picture."""
        import transformers

        path = tiny.image_text(tmp_path / kind, kind)
        batch = noise(2, 32, 32, 3)
        pixels = (batch.float() / 255 - 0.5).permute(0, 3, 1, 2) / 0.5
        model = transformers.AutoModel.from_pretrained(tmp_path / kind).eval()
        ids = {"a knife": [2, 4, 5, 3], "a photo": [2, 4, 8, 3]}
        padded = {text: found + [0] * (0 if kind == "clip" else 12) for text, found in ids.items()}
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor(list(padded.values())), **pictures(kind, pixels)).logits_per_image
            expected = logits.softmax(1)[:, 0] if kind == "clip" else logits[:, 0].sigmoid()
            scores, embedding = module_of(path)(batch)
        torch.testing.assert_close(scores[:, 0], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))

    @pytest.mark.parametrize("kind", ["clip", "siglip"])
    def test_labels_do_not_touch_each_other(self, tmp_path: Path, kind: str) -> None:
        """Order and number of labels change no label's score."""
        blocks = tiny.PROMPTS.split("[[outputs.prompts]]")
        last, rest = blocks[2].split("[[outputs]]")
        turned = "[[outputs.prompts]]".join([blocks[0], last, f"{blocks[1]}[[outputs]]{rest}"])
        batch = noise(2, 32, 32, 3)
        with torch.inference_mode():
            first, _ = module_of(tiny.image_text(tmp_path / "one", kind))(batch)
            second, _ = module_of(tiny.image_text(tmp_path / "two", kind, turned))(batch)
        torch.testing.assert_close(first, second.flip(1))

    def test_patches_must_fit(self, tmp_path: Path) -> None:
        """A square that is no number of patches would be cut."""
        path = tiny.image_text(tmp_path / "siglip2", "siglip2")
        path.write_text(path.read_text().replace("side_px = 32", "side_px = 36"))
        assert "input.side_px is 36; allowed: a multiple of 8" in refusal(path)

    def test_capitals_change_nothing(self, tmp_path: Path) -> None:
        """A SigLIP was trained on lower case; its tokenizer need not report it."""
        batch, scores = noise(2, 32, 32, 3), []
        for name, words in (("one", "a knife"), ("two", "A Knife")):
            path = tiny.image_text(tmp_path / name, "siglip2", tiny.PROMPTS.replace("a knife", words))
            cased_tokenizer(path)
            with torch.inference_mode():
                scores.append(module_of(path)(batch)[0])
        torch.testing.assert_close(scores[0], scores[1])

    def test_the_taxonomy_describes_labels(self, tmp_path: Path) -> None:
        """Where a card gives no sentences."""
        path = tiny.image_text(tmp_path / "clip", "clip", tiny.PROMPTS.replace('texts = ["a knife"]', ""))
        card = read_card(path, is_added=True)
        assert card.model is not None
        assert card.model.prompts[0].texts == ("A knife, sword or axe can be seen as a weapon.",)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('kind = "scores"', 'kind = "scores"\nactivation = "softmax"', "activation is 'softmax'; allowed: none"),
            ('kind = "scores"', 'kind = "scores"\nclasses = ["x"]', "classes is 'given'; allowed: nothing"),
            ("alcohol/drinking/alcohol-visible", "violence/weapons/blade-visible", "allowed: each label once"),
            ("alcohol/drinking/alcohol-visible", "alcohol/drinking/beer", r"prompts\[1\]\.label is"),
        ],
    )  # fmt: skip
    def test_wrong_prompts(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """What a card cannot say of them."""
        path = tiny.image_text(tmp_path / "clip", "clip", tiny.PROMPTS.replace(old, new))
        assert re.search(said, refusal(path))

    def test_a_sentence_that_is_too_long(self, tmp_path: Path) -> None:
        """A cut sentence would describe something else."""
        outputs = tiny.PROMPTS.replace("a knife", "a knife " * 10)
        assert "allowed: sentences of at most 16 tokens; this one has 22" in refusal(
            tiny.image_text(tmp_path / "clip", "clip", outputs)
        )


class TestBfloat16:
    @pytest.mark.parametrize("make", [tiny.image_classifier, tiny.text_classifier, tiny.audio_classifier, siglip2])
    def test_stays_within_the_tolerance(self, tmp_path: Path, make: Callable[[Path], Path]) -> None:
        """A card may permit it: the input is made in float32, the architecture computes in bfloat16, and answers are
        float32 that differ as little as a card tolerates."""
        path = make(tmp_path / "mine")
        path.write_text(f'{path.read_text()}\n[runs]\nprecisions = ["float32", "bfloat16"]\n')
        card = read_card(path, is_added=True)
        batch = torch.from_numpy(warm_up_batch(card, 4))
        with torch.inference_mode():
            expected = load_module(card, tmp_path)(batch)
            found = PrecisionWrapper(load_module(card, tmp_path), "bfloat16")(batch)

        assert card.excess_of([each.numpy() for each in expected], [each.numpy() for each in found]) is None
        assert any(not torch.equal(first, second) for first, second in zip(expected, found, strict=True))


class TestSnapshots:
    def test_without_the_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message says what to install."""
        path = tiny.image_classifier(tmp_path / "vit")
        monkeypatch.setitem(sys.modules, "transformers", None)
        assert "pip install 'vidsignal[transformers]'" in refusal(path)

    def test_one_flipped_bit(self, tmp_path: Path) -> None:
        """Weights with a byte changed load without a word; the hash notices."""
        path = tiny.image_classifier(tmp_path / "vit")
        weights = tmp_path / "vit" / "snapshot" / "model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-3] ^= 1
        weights.write_bytes(content)
        assert "the sha256 of 'snapshot/model.safetensors' is" in refusal(path)

    def test_a_file_more(self, tmp_path: Path) -> None:
        """A file that the card does not name might be read, such as an adapter."""
        path = tiny.image_classifier(tmp_path / "vit")
        (tmp_path / "vit" / "snapshot" / "adapter_config.json").write_text("{}")
        assert "model.files is 'without snapshot/adapter_config.json'; allowed: every file" in refusal(path)

    def test_a_file_less(self, tmp_path: Path) -> None:
        """Each that the card names is there."""
        path = tiny.text_classifier(tmp_path / "bert")
        (tmp_path / "bert" / "tokenizer.json").unlink()
        assert "tokenizer.json" in refusal(path)

    @pytest.mark.parametrize("key", ["auto_map", "quantization_config", "backbone"])
    def test_configurations_that_ask_for_more(self, tmp_path: Path, key: str) -> None:
        """Code, kernels and weights from elsewhere are refused by the key that asks for them."""
        path = tiny.image_classifier(tmp_path / "vit")
        config = tmp_path / "vit" / "snapshot" / "config.json"
        config.write_text(config.read_text().replace("{", f'{{"{key}": {{"AutoModel": "evil.Model"}},', 1))
        path = tiny.card_of(tmp_path / "vit", "image-classification", tiny.FRAME, tiny.CLASSES, "snapshot")
        assert f"config.json with {key}" in refusal(path)

    def test_pickles_are_never_read(self, tmp_path: Path) -> None:
        """A snapshot that brings one is refused by its name."""
        tiny.image_classifier(tmp_path / "vit")
        (tmp_path / "vit" / "snapshot" / "pytorch_model.bin").write_bytes(b"\x80\x04")
        path = tiny.card_of(tmp_path / "vit", "image-classification", tiny.FRAME, tiny.CLASSES, "snapshot")
        assert "model.files is 'pytorch_model.bin'; allowed: configuration" in refusal(path)

    def test_weights_that_are_missing(self, tmp_path: Path) -> None:
        """They would be random."""
        from safetensors.torch import load_file, save_file

        tiny.image_classifier(tmp_path / "vit")
        weights = tmp_path / "vit" / "snapshot" / "model.safetensors"
        state = load_file(weights)
        save_file(
            {name: tensor for name, tensor in state.items() if "classifier" not in name}, weights, {"format": "pt"}
        )
        path = tiny.card_of(tmp_path / "vit", "image-classification", tiny.FRAME, tiny.CLASSES, "snapshot")
        assert re.search("without classifier.*others would be random", refusal(path))

    def test_needs_no_trust(self, tmp_path: Path) -> None:
        """Numbers and a configuration run nothing of their own."""
        tiny.image_classifier(tmp_path / "vit")
        verify_files(installed_cards(CardSettings(folders=(tmp_path,)))["vit"])

    @pytest.mark.parametrize(
        ("task", "given", "said"),
        [
            (
                "text-classification",
                tiny.FRAME,
                "allowed: image-classification, image-text, object-detection, by the kind of the input",
            ),
            ("image-text", tiny.FRAME, "outputs[0].prompts is []; allowed: sentences for at least one label"),
            ("text-classification", 'kind = "text"\nmax_tokens = 8', "input.tokenizer is 'tokenizer.json'"),
        ],
    )
    def test_tasks(self, tmp_path: Path, task: str, given: str, said: str) -> None:
        """A task and the input belong together, and a model that reads has its tokenizer."""
        tiny.image_classifier(tmp_path / "vit")
        path = tiny.card_of(tmp_path / "vit", task, given, tiny.CLASSES, "snapshot")
        assert said in refusal(path)

    def test_a_token_that_the_tokenizer_does_not_know(self, tmp_path: Path) -> None:
        """Texts could not be padded."""
        path = tiny.text_classifier(tmp_path / "bert")
        path.write_text(path.read_text().replace("max_tokens = 8", 'max_tokens = 8\npad_token = "<pad>"'))
        assert "input.pad_token is '<pad>'; allowed: a token that the tokenizer knows" in refusal(path)
