"""The features a recommender may read: name, modality, unit and meaning of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas.identity import Modality

Shape = Literal["number", "text", "list of numbers", "list of text", "list of objects"]


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """The contract of one feature's value."""

    modality: Modality
    shape: Shape
    meaning: str


FEATURES: Final[dict[str, FeatureSpec]] = {
    "visual.tags": FeatureSpec(
        "frames",
        "list of objects",
        "classes {name, score} of ImageNet and COCO, and what several have in common, best first; often none",
    ),
    "visual.objects": FeatureSpec(
        "frames",
        "list of objects",
        "{name, max_count, frame_ratio, score} of each COCO class that was found, and of faces, best first, at most 20",
    ),
    "visual.object_counts": FeatureSpec(
        "frames",
        "list of objects",
        "{pts_seconds, people, faces, vehicles, animals, objects} of each frame that detectors looked at",
    ),
    "visual.looked_at_frames": FeatureSpec(
        "frames", "number", "frames that detectors looked at: up to 3, different ones"
    ),
    "visual.max_people": FeatureSpec("frames", "number", "most people, in one of these frames"),
    "visual.people_ratio": FeatureSpec("frames", "number", "share of these frames that show people"),
    "visual.max_faces": FeatureSpec("frames", "number", "most faces, which are only counted, in one of these frames"),
    "visual.faces_ratio": FeatureSpec("frames", "number", "share of these frames that show faces"),
    "visual.max_vehicles": FeatureSpec("frames", "number", "most vehicles, bicycles to ships, in one of these frames"),
    "visual.vehicles_ratio": FeatureSpec("frames", "number", "share of these frames that show vehicles"),
    "visual.max_animals": FeatureSpec("frames", "number", "most animals, in one of these frames"),
    "visual.animals_ratio": FeatureSpec("frames", "number", "share of these frames that show animals"),
    "visual.max_objects": FeatureSpec("frames", "number", "most other COCO objects, in one of these frames"),
    "visual.objects_ratio": FeatureSpec("frames", "number", "share of these frames that show other COCO objects"),
    "visual.duration_seconds": FeatureSpec("frames", "number", "duration in the container's index"),
    "visual.width_px": FeatureSpec("frames", "number", "picture width as displayed"),
    "visual.height_px": FeatureSpec("frames", "number", "picture height as displayed"),
    "visual.sampled_frames": FeatureSpec("frames", "number", "frames given to the image models"),
    "visual.coverage_ratio": FeatureSpec("frames", "number", "share of sample points that have a sampled frame"),
    "visual.planned_ratio": FeatureSpec(
        "frames", "number", "share of the announced timeline that is planned for analysis"
    ),
    "visual.achieved_ratio": FeatureSpec("frames", "number", "share of the plan that was decoded and analysed"),
    "visual.length_ratio": FeatureSpec("frames", "number", "length of the pictures over the announced length"),
    "visual.intact_ratio": FeatureSpec("frames", "number", "share of picture packets that decode without damage"),
    "visual.seen_ratio": FeatureSpec("frames", "number", "share of the announced pictures that came out whole"),
    "visual.unseen_tracks": FeatureSpec(
        "frames",
        "list of objects",
        "{kind, number, codec, size_bytes} of skipped content: tracks, cover art, attached files, hidden bytes",
    ),
    "visual.sharpness_ratio": FeatureSpec("frames", "number", "0 flat or blurred, 1 crisp; median over frames"),
    "visual.brightness_ratio": FeatureSpec("frames", "number", "mean luma, 0 black to 1 white"),
    "visual.contrast_ratio": FeatureSpec("frames", "number", "standard deviation of luma over its largest value"),
    "visual.underexposed_ratio": FeatureSpec("frames", "number", "share of pixels near black"),
    "visual.overexposed_ratio": FeatureSpec("frames", "number", "share of pixels near white"),
    "visual.letterbox_ratio": FeatureSpec(
        "frames", "number", "share of the picture covered by constant black bars; a dark picture has none"
    ),
    "visual.static_ratio": FeatureSpec(
        "frames", "number", "share of neighbouring sampled frames that look alike; absent if all frames are dark"
    ),
    "visual.perceptual_hashes": FeatureSpec(
        "frames",
        "list of objects",
        "PDQ {pts_seconds, hash, quality} of each sampled frame, without flat margins; quality counts no captions",
    ),
    "visual.part_hashes": FeatureSpec(
        "frames",
        "list of objects",
        "PDQ {pts_seconds, part, hash, quality} of parts of these frames, and between them",
    ),
    "visual.text_language": FeatureSpec("frames", "text", "ISO 639 code of text in the pictures; absent if uncertain"),
    "visual.text_area_ratio": FeatureSpec(
        "frames", "number", "share of the picture that lines of text cover, in the picture with most; 0 without text"
    ),
    "visual.text_read_ratio": FeatureSpec(
        "frames", "number", "share of the lines of text in pictures that could be read; absent without text"
    ),
    "visual.text_present_unread": FeatureSpec(
        "frames",
        "list of objects",
        "{start_seconds, end_seconds, num_lines} of text that could not be read; absent if all was",
    ),
    "visual.caption": FeatureSpec(
        "frames", "text", "one or two sentences on the video by a chat model, unverified; in few videos, if in any"
    ),
    "visual.caption_title": FeatureSpec("frames", "text", "a title by the same model, at most 80 characters"),
    "visual.caption_hashtags": FeatureSpec(
        "frames", "list of text", "at most 8 hashtags by the same model, in the form of context.hashtags"
    ),
    "visual.caption_state": FeatureSpec(
        "frames", "text", "whole or cut, or why there is no caption, such as late; absent if none was asked for"
    ),
    "audio.events": FeatureSpec(
        "audio", "list of objects", "AudioSet events {name, score, start_seconds, end_seconds}, best first"
    ),
    "audio.speech_ratio": FeatureSpec("audio", "number", "share of the analysed seconds with a voice"),
    "audio.music_ratio": FeatureSpec("audio", "number", "share of the analysed seconds with music, also under a voice"),
    "audio.silence_ratio": FeatureSpec(
        "audio", "number", "share of the analysed seconds below -60 dBFS, in pieces of 0.2 s or more"
    ),
    "audio.voice_segments": FeatureSpec("audio", "list of objects", "{start_seconds, end_seconds} with a voice"),
    "audio.loudness_lufs": FeatureSpec(
        "audio", "number", "integrated loudness (EBU R128) of the analysed seconds; absent if not measurable"
    ),
    "audio.peak_dbfs": FeatureSpec(
        "audio", "number", "largest sample of the analysed seconds; absent for digital silence"
    ),
    "audio.analysed_seconds": FeatureSpec("audio", "number", "seconds of analysed sound"),
    "audio.planned_ratio": FeatureSpec("audio", "number", "share of the announced sound that is planned for analysis"),
    "audio.achieved_ratio": FeatureSpec("audio", "number", "share of the plan that was decoded and analysed"),
    "audio.length_ratio": FeatureSpec("audio", "number", "length of the sound over the announced length"),
    "audio.intact_ratio": FeatureSpec("audio", "number", "share of sound packets that decode without damage"),
    "audio.seen_ratio": FeatureSpec("audio", "number", "share of the announced sound that came out whole"),
    "audio.unseen_tracks": FeatureSpec(
        "audio", "list of objects", "{kind, number, codec} of skipped tracks; all tracks if there is no video"
    ),
    "audio.transcribed_ratio": FeatureSpec(
        "audio", "number", "share of the speech that was transcribed; absent if none was, as in most videos"
    ),
    "audio.spoken_language": FeatureSpec("audio", "text", "ISO 639 code of the transcript; absent if uncertain"),
    "audio.spoken_language_score": FeatureSpec("audio", "number", "probability of that language"),
    "audio.num_spoken_words": FeatureSpec("audio", "number", "words in the transcript; absent without a word"),
    "motion.cut_times_seconds": FeatureSpec(
        "motion",
        "list of numbers",
        "times at which a shot ends and the next begins, in the analysed part (motion.observed_ratio)",
    ),
    "motion.transitions": FeatureSpec(
        "motion",
        "list of objects",
        "{kind, begin_seconds, end_seconds} of the gradual ones among those times: fade, dissolve or wipe",
    ),
    "motion.estimated_num_shots": FeatureSpec(
        "motion", "number", "shots in all of the video: counted, or an estimate if motion.is_num_shots_estimated is 1"
    ),
    "motion.estimated_num_shots_range": FeatureSpec(
        "motion", "list of numbers", "the 95 % interval of that estimate, low and high; twice the number if counted"
    ),
    "motion.is_num_shots_estimated": FeatureSpec(
        "motion", "number", "1 if a part of the video was not analysed, so that its shots are estimated; otherwise 0"
    ),
    "motion.num_shots": FeatureSpec(
        "motion", "number", "shots in the analysed part: a lower bound if motion.observed_ratio is below 1"
    ),
    "motion.observed_ratio": FeatureSpec(
        "motion",
        "number",
        "share of the video whose cuts and motion were analysed; below 1 for more than 90 s, of small pictures for "
        "more than 3 to 7 minutes",
    ),
    "motion.mean_shot_seconds": FeatureSpec("motion", "number", "mean length of a shot in the analysed part"),
    "motion.energy": FeatureSpec(
        "motion", "list of objects", "{start_seconds, camera, object} in picture widths per second"
    ),
    "motion.mean_energy": FeatureSpec(
        "motion", "number", "mean motion in picture widths per second; absent if all frames are dark"
    ),
    "motion.camera_ratio": FeatureSpec("motion", "number", "share of the motion that camera motion explains"),
    "motion.cuts_per_minute": FeatureSpec(
        "motion",
        "number",
        "cuts per minute of the whole video; from the estimate if motion.is_num_shots_estimated is 1",
    ),
    "motion.pace": FeatureSpec(
        "motion", "text", "slow, medium or fast, from cuts and motion; absent if all frames are dark"
    ),
    "motion.analysed_seconds": FeatureSpec("motion", "number", "seconds whose motion and cuts were analysed"),
    "motion.static_ratio": FeatureSpec(
        "motion", "number", "share of the analysed seconds without motion; absent if all frames are dark"
    ),
    "motion.planned_ratio": FeatureSpec("motion", "number", "as visual.planned_ratio: the same pictures"),
    "motion.achieved_ratio": FeatureSpec("motion", "number", "as visual.achieved_ratio"),
    "motion.length_ratio": FeatureSpec("motion", "number", "as visual.length_ratio"),
    "motion.intact_ratio": FeatureSpec("motion", "number", "as visual.intact_ratio"),
    "motion.seen_ratio": FeatureSpec("motion", "number", "as visual.seen_ratio"),
    "context.language": FeatureSpec("context", "text", "ISO 639 code of title and description; absent if uncertain"),
    "context.language_score": FeatureSpec("context", "number", "probability of that language"),
    "context.hashtags": FeatureSpec("context", "list of text", "normalised hashtags of field, title and description"),
    "context.num_words": FeatureSpec("context", "number", "words in title and description"),
    "context.is_abuse_judged": FeatureSpec(
        "context", "number", "share of the text's letters that the abuse models scored, 0 to 1; until 2026-11 0 or 1"
    ),
    "context.planned_ratio": FeatureSpec(
        "context", "number", "share of the text's letters in a language that the abuse models know or may know"
    ),
    "context.achieved_ratio": FeatureSpec(
        "context", "number", "share of those letters that were scored; below 1 for very long text"
    ),
}
"""Every feature by name. A reader must not use an unknown name; writing one fails the tests."""
