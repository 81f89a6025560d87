"""Static files: by hashed name from memory, kept by browsers for a year; our own without comments and idle blanks."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache

from starlette.requests import Request
from starlette.responses import Response

from orion.errors import NotFound
from orion.layout import asset

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


_aside = {
    ".css": re.compile(rb"/\*.*?\*/|\s*([{};,])\s*|(?<=\n)\s+", re.DOTALL),
    ".js": re.compile(rb"(?m)^ *// .*\n()"),
}


@dataclass(frozen=True)
class Asset:
    """One file: the name under which it is served, and its bytes plain and compressed."""

    name: str
    media: str
    plain: bytes
    packed: bytes


@cache
def assets() -> dict[str, Asset]:
    """Every servable file below `static/`, by its own name (`orion.css`)."""
    files = sorted(path for path in asset("static").iterdir() if path.suffix in TYPES)
    return {path.name: _load(path.name, path.suffix, path.read_bytes()) for path in files}


def hashed(name: str) -> str:
    """`orion.css` as it is asked for: `orion.1f2e3d4c5b.css`."""
    return assets()[name].name


async def static(request: Request) -> Response:
    """Answer a hashed name; nothing but the known names is ever looked up."""
    found = _by_hash().get(request.path_params["name"])
    if found is None:
        raise NotFound("No such file")
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(found.packed if packed else found.plain, headers=headers, media_type=found.media)


def _load(name: str, suffix: str, content: bytes) -> Asset:
    content = _aside[suffix].sub(rb"\1", content) if suffix in _aside else content
    digest = hashlib.sha256(content).hexdigest()[:10]
    served = f"{name.removesuffix(suffix)}.{digest}{suffix}"
    return Asset(served, TYPES[suffix], content, gzip.compress(content, 9, mtime=0))


@cache
def _by_hash() -> dict[str, Asset]:
    return {found.name: found for found in assets().values()}
