"""Certificates for connections to an Engine or a cluster: whom to believe, and what to show."""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def trust_in(**authority: Any) -> ssl.SSLContext:
    """Trust in an authority that somebody has made for himself: many of those lack a field that Python asks for."""
    context = ssl.create_default_context(**authority)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return context


def show_certificate(trust: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Let new connections show a certificate. Its key is written out for as long as it takes to read it."""
    with tempfile.TemporaryDirectory() as private:  # only its owner may open it
        both = Path(private) / "both.pem"
        both.write_bytes(certificate + b"\n" + key)
        trust.load_cert_chain(both)


def read_data(part: Mapping[str, Any], name: str, folder: Path) -> bytes | None:
    """A certificate or key, which stands in the kubeconfig itself or in a file that it names."""
    if data := part.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / part[name]).read_bytes() if part.get(name) else None
