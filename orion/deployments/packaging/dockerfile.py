"""The Dockerfile of a packaged flow: written, or one that somebody wrote with the code put on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orion.errors import Invalid, NotFound

CHECK = 'RUN ["python", "-c", "import orion"]'
"""A build that ends with an image without orion is stopped here, and not each run of it later."""


def written(base_image: str, install: Sequence[str], location: str) -> str:
    """What is needed comes first: as long as it stays the same, only the last layer is built anew."""
    return "\n".join([f"FROM {base_image}", *install, CHECK, *_code(location), ""])


def extended(file: Path, location: str) -> str:
    """A Dockerfile of somebody's own, with the code on top."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no Dockerfile {file}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The Dockerfile {file} cannot be read: {error}") from None
    return "\n".join([text.rstrip(), "", CHECK, *_code(location), ""])


def _code(location: str) -> list[str]:
    return [f"COPY . {location}", f"WORKDIR {location}"]
