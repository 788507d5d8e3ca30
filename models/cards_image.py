"""Cards of the models that look at single frames."""

from __future__ import annotations

from models.card import Card, LabelSource
from models.weight_files import EFFICIENTNET_LITE0, IMAGENET_CLASS_NAMES, OPENNSFW

_FIREARM = "violence/weapons/firearm-visible"

IMAGE_CARDS: tuple[Card, ...] = (
    Card(
        name="efficientnet-lite0",
        version="0.1.0",
        modality="frames",
        purpose="What a frame shows, as 1000 ImageNet classes and as an embedding for likeness of content.",
        source=(
            "Tan and Le, EfficientNet, ICML 2019; Lite variant by Google, 2020, trained on ImageNet-1k; "
            "weights converted from TensorFlow by ML Illustrated."
        ),
        licence="Apache-2.0",
        files=(EFFICIENTNET_LITE0, IMAGENET_CLASS_NAMES),
        input_shape=(224, 224, 3),
        input_dtype="uint8",
        input_description=(
            "RGB, rows first. Scale the shorter side to 256 keeping the aspect, then cut 224x224 out of the middle; "
            "what lies at the far sides of a wide frame is not seen."
        ),
        outputs=("probabilities", "embedding"),
        batch_sizes=(1, 4, 8, 16),
        precisions=("bfloat16", "float32"),
        generation=1,
        checked_on=(
            "Logits equal the reference implementation's within 2e-5 on 24 frames of sample clips and on noise. "
            "Classes looked at by eye on 52 frames: sensible for objects (bow tie, digital clock, suit), poor for "
            "animation and scenes. No accuracy was measured on a labelled set. The firearm classes were never "
            "tested on a positive: this is a closed set of 1000 classes without one for `nothing of these`, so "
            "trust them little, and never let them decide alone."
        ),
        bfloat16_note=(
            "52 frames of sample clips, CPU with AVX512-BF16: top class equal on 48, the others had a top "
            "probability below 0.19; probabilities differ by at most 0.061; cosine of embeddings at least 0.992."
        ),
        embedding_space="efficientnet-lite0/1280",
        labels=(
            LabelSource(output_label="assault rifle", label=_FIREARM),
            LabelSource(output_label="revolver", label=_FIREARM),
            LabelSource(output_label="rifle", label=_FIREARM),
        ),
    ),
    Card(
        name="opennsfw",
        version="0.1.0",
        modality="frames",
        purpose="How likely a frame shows nudity or sexual acts.",
        source="Yahoo, open_nsfw, 2016: a thin ResNet-50 (He et al., CVPR 2016) fine-tuned on an undisclosed set.",
        licence="BSD-2-Clause",
        files=(OPENNSFW,),
        input_shape=(224, 224, 3),
        input_dtype="uint8",
        input_description=(
            "RGB, rows first. Scale to 256x256 without keeping the aspect, then cut 224x224 out of the middle."
        ),
        outputs=("nsfw",),
        batch_sizes=(1, 4, 8, 16),
        precisions=("bfloat16", "float32"),
        generation=1,
        checked_on=(
            "Equals the published ONNX graph in onnxruntime within 2e-7 on 24 frames of sample clips and on noise. "
            "The published preprocessing also encodes as JPEG once and scales with another filter; leaving that out "
            "moved the score by 0.005 on average and 0.050 at most on 26 frames. All 52 harmless frames score below "
            "0.10. No positive was ever tested; drawings are known to be missed. No accuracy was measured."
        ),
        bfloat16_note=(
            "52 frames of sample clips, all harmless, CPU with AVX512-BF16: differs by 0.0003 on average and 0.0074 "
            "at most. Not measured near 1, where no clip lies."
        ),
        labels=(LabelSource(output_label="nsfw", label="sexual/explicit/nudity"),),
    ),
)
