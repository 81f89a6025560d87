"""What the Docker Engine builds an image from: the folder of the code and a Dockerfile, as one archive."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO

from orion.blocks import snapshots
from orion.deployments.packaging.environments import PLACE
from orion.errors import Invalid

PIECE = 256 * 1024
DOCKERFILE = f"{PLACE}/Dockerfile"


class Context:
    """The files of a folder without what is ignored, and in `.orion` the Dockerfile and what it installs."""

    def __init__(
        self, folder: Path, dockerfile: str, beside: Mapping[str, str], ignore_file: str | None = None
    ) -> None:
        if folder in (Path("/"), Path.home()):
            raise Invalid(
                f"The folder {folder} would be put into the image, with all in it: build in the folder of the code."
            )
        self.folder = folder
        self.code = snapshots.look(folder, ignore_file)
        self.made = {DOCKERFILE: dockerfile, **{f"{PLACE}/{name}": text for name, text in beside.items()}}

    @property
    def id(self) -> str:
        """The same for the same code and the same Dockerfile."""
        digest = hashlib.sha256(self.code.content)
        for name, text in sorted(self.made.items()):
            digest.update(f"\0{name}\0{text}".encode())
        return digest.hexdigest()[:12]

    def require(self, file: str) -> None:
        """See that the flow's file goes along."""
        if file not in self.code.files:
            raise Invalid(
                f"The image would be without {file}, which the flow is in: look at the ignore file."
            )

    async def archive(self) -> AsyncIterator[bytes]:
        """The archive in pieces. Times and owners are left out: equal files make equal layers."""
        with tempfile.TemporaryFile(prefix="orion-image-") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                self._fill(tar)
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece

    def _fill(self, tar: tarfile.TarFile) -> None:
        for name, entry in sorted(self.code.files.items()):
            if name not in self.made:
                with (self.folder / name).open("rb") as content:
                    size = (self.folder / name).stat().st_size
                    _add(tar, name, size, content, 0o755 if entry.executable else 0o644)
        for name, text in sorted(self.made.items()):
            body = text.encode()
            _add(tar, name, len(body), io.BytesIO(body), 0o644)


def _add(tar: tarfile.TarFile, name: str, size: int, content: IO[bytes], mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, mode
    tar.addfile(info, content)
