"""Encryption and masking of secrets; the key lies outside the database, in the environment or in a file."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from orion.errors import OrionError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

    from orion.settings import Settings

MASK = "********"
KEY_FILE = "secret.key"


class WrongKey(OrionError):
    """A secret was encrypted with another key: set ORION_ENCRYPTION_KEY to the one in use when it was saved."""

    status = 409


class Vault:
    """Seals values into text and opens them again. The first key seals; all keys open."""

    def __init__(self, keys: list[str]) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        self._fernet: MultiFernet = MultiFernet([Fernet(_fernet_key(key)) for key in keys])

    def seal(self, value: Any) -> str:
        """`value` (JSON) as encrypted text."""
        return self._fernet.encrypt(msgspec.json.encode(value)).decode()

    def open(self, token: str) -> Any:
        """The value of a sealed text; raises `WrongKey`."""
        from cryptography.fernet import InvalidToken

        try:
            return msgspec.json.decode(self._fernet.decrypt(token.encode()))
        except InvalidToken:
            raise WrongKey() from None


def open_vault(settings: Settings) -> Vault:
    """The vault of these settings: keys of ORION_ENCRYPTION_KEY (a comma list, newest first), else the key file."""
    given: str | None = settings.encryption_key
    keys = (given or "").replace(",", " ").split()
    return Vault(keys or [_key_file(Path(settings.home) / KEY_FILE)])


def _fernet_key(text: str) -> bytes:
    """A Fernet key as it is; any other text is stretched into one."""
    try:
        if len(base64.urlsafe_b64decode(text)) == 32:
            return text.encode()
    except ValueError:
        pass
    stretched = hashlib.scrypt(text.encode(), salt=b"orion vault", n=2**14, r=8, p=1, dklen=32)
    return base64.urlsafe_b64encode(stretched)


def _key_file(path: Path) -> str:
    """The key in the file, which is made at first use and readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path, base64.urlsafe_b64encode(os.urandom(32)))
    return path.read_text().strip()


def _create(path: Path, key: bytes) -> None:
    """Write the file whole or not at all; of two processes one wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
