"""Encryption and masking of secrets; the key lies outside the database, in the environment or in a file."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import lru_cache
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
    """A block was encrypted with another key: set ORION_ENCRYPTION_KEY to the one in use when it was saved."""

    status = 500  # nothing the client can mend: it is told at once and does not ask again


class MissingKey(WrongKey):
    """Blocks are encrypted, and the key is not there: restore the key file, or set ORION_ENCRYPTION_KEY."""


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

    def renew(self, token: str) -> str:
        """The sealed text, sealed with the first key; raises `WrongKey`."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            raise WrongKey() from None


def open_vault(settings: Settings, *, make: bool = True) -> Vault:
    """The vault of these settings: keys of ORION_ENCRYPTION_KEY (a comma list, newest first), else the key file.

    The file is read anew each time, so that every server knows a new key at once. `make` allows to make one.
    """
    return _vault(tuple(_given(settings) or _key_file(key_path(settings), make)))


def key_path(settings: Settings) -> Path:
    """The file that holds the keys, unless ORION_ENCRYPTION_KEY does."""
    return Path(settings.home) / KEY_FILE


def change_key(settings: Settings) -> bool:
    """Put a new key first in the key file and keep the one before; False where ORION_ENCRYPTION_KEY holds the keys.

    The key before only opens what another server sealed in the same moment; the next change drops it.
    """
    if _given(settings):
        return False
    path = key_path(settings)
    before = _key_file(path, make=True)[:1]
    draft = _draft(path, "\n".join([_new_key(), *before]))
    os.replace(draft, path)
    return True


@lru_cache(maxsize=8)
def _vault(keys: tuple[str, ...]) -> Vault:
    return Vault(list(keys))


def _given(settings: Settings) -> list[str]:
    given: str | None = settings.encryption_key
    return (given or "").replace(",", " ").split()


def _fernet_key(text: str) -> bytes:
    """A Fernet key as it is; any other text is stretched into one."""
    try:
        if len(base64.urlsafe_b64decode(text)) == 32:
            return text.encode()
    except ValueError:
        pass
    stretched = hashlib.scrypt(text.encode(), salt=b"orion vault", n=2**14, r=8, p=1, dklen=32)
    return base64.urlsafe_b64encode(stretched)


def _new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _key_file(path: Path, make: bool) -> list[str]:
    """The keys in the file, which is made at first use and readable by its owner only."""
    if make and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path, _new_key())
    try:
        keys = path.read_text().split()
    except FileNotFoundError:
        keys = []
    except OSError as error:
        raise MissingKey(f"The key file {path} cannot be read: {error.strerror}.") from None
    if not keys:
        raise MissingKey(
            f"Blocks are encrypted, and their key is not in {path}: restore that file, or set ORION_ENCRYPTION_KEY."
        )
    return keys


def _create(path: Path, key: str) -> None:
    """Write the file whole or not at all; of two processes one wins."""
    draft = _draft(path, key)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(path: Path, text: str) -> Path:
    """A file of its own beside `path`, on the disk and for its owner only."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
