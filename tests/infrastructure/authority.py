"""An authority that a test makes for itself, and the certificates that it signs."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    def files(self, folder: Path) -> tuple[str, str]:
        """Both as files."""
        folder.mkdir(exist_ok=True)
        (folder / "cert.pem").write_bytes(self.certificate)
        (folder / "key.pem").write_bytes(self.key)
        return str(folder / "cert.pem"), str(folder / "key.pem")


class Authority:
    """Signs certificates for servers and clients. Its own lacks a key identifier, as those of many clusters."""

    def __init__(self, name: str = "an authority of a test") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = _builder(self._name, self._name, self._key.public_key())
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = _pem(built.sign(self._key, hashes.SHA256()))

    @property
    def encoded(self) -> str:
        """The certificate, as it stands in a kubeconfig."""
        return encoded(self.certificate)

    def sign(self, name: str, addresses: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> Pair:
        """A certificate for a client, or for a server at some addresses and names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = _builder(subject, self._name, key.public_key())
        known: list[x509.GeneralName] = [x509.DNSName(known) for known in names]
        known += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if known:
            built = built.add_extension(x509.SubjectAlternativeName(known), critical=False)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Pair(_pem(built.sign(self._key, hashes.SHA256())), secret)


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    built = built.serial_number(x509.random_serial_number())
    return built.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
