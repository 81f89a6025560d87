"""Results: small JSON values stand in the state itself, the rest in files that it refers to by size and SHA-256."""

from __future__ import annotations

import hashlib
import math
import os
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from orion.errors import OrionError
from orion.sdk.errors import MissingResult
from orion.settings import current

LITERAL_LIMIT = 1024
NOTHING: Any = type("Nothing", (), {"__repr__": lambda self: "NOTHING"})()

_SCALARS = (type(None), bool, int, float, str)


class Stored(NamedTuple):
    """What a state's data says about a result, the file to write before the state is sent, what its owner is told."""

    data: dict[str, Any]
    blob: Blob | None = None
    warning: str = ""


class Blob(NamedTuple):
    """A file of the local storage that is not written yet."""

    path: Path
    content: bytes

    def write(self) -> None:
        """Write it whole or not at all, and be sure that it is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        try:
            with open(part, "xb") as file:
                file.write(self.content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)


def store(value: Any, *, persist: bool | None = None) -> Stored:
    """How `value` will be kept: as a literal, as a pickle in a file, or, if neither works, not at all."""
    text = _literal(value)
    if text is not None:
        return Stored({"type": "literal", "value": value})
    if not (current().results_persist if persist is None else persist):
        return _unpersisted(value, "results are not kept (ORION_RESULTS_PERSIST)")
    try:
        content = _pickle(value)
    except Exception as error:
        lost = _unpersisted(value, f"it cannot be pickled: {error}")
        return lost._replace(
            warning=f"The result is not stored: {type(value).__name__}, it cannot be pickled: {error}"
        )
    key = uuid.uuid4().hex
    reference = {
        "type": "reference",
        "serializer_type": "pickle",
        "storage_key": key,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return Stored(reference, Blob(path_of(key), content))


def load(data: Any, owner: str = "the state") -> Any:
    """The value that a state's data stands for; raises `MissingResult`."""
    match data:
        case None:
            return None
        case {"type": "literal", "value": value}:
            return value
        case {"type": "reference", "storage_key": str(key)}:
            return _unpickle(_read(key, data, owner), owner)
        case {"type": "unpersisted"}:
            raise MissingResult(
                f"The result of {owner} was not stored: {data.get('artifact_description', '')}".rstrip(": ")
            )
    raise MissingResult(f"The result of {owner} is of a form that orion cannot read: {str(data)[:200]}")


def path_of(key: str) -> Path:
    """The file of a storage key, which may not lead out of the storage."""
    base = Path(current().local_storage_path).resolve()
    path = (base / key).resolve()
    if not path.is_relative_to(base) or path == base:
        raise MissingResult(f"The storage key {key!r} leads out of the storage {base}.")
    return path


def _read(key: str, data: dict[str, Any], owner: str) -> bytes:
    path = path_of(key)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MissingResult(f"The result of {owner} cannot be read: {path}: {error.strerror}.") from None
    if data.get("size", len(content)) != len(content):
        raise MissingResult(
            f"The result of {owner} is damaged: {path} has {len(content)} bytes, not {data['size']}."
        )
    if data.get("sha256") and hashlib.sha256(content).hexdigest() != data["sha256"]:
        raise MissingResult(f"The result of {owner} is damaged: the content of {path} has changed.")
    return content


def _pickle(value: Any) -> bytes:
    from orion.sdk import pickling

    content = pickling.dumps(value)
    if isinstance(value, BaseException):
        pickling.loads(
            content
        )  # an exception with a constructor of its own pickles well and cannot be read back
    return content


def _unpickle(content: bytes, owner: str) -> Any:
    from orion.sdk import pickling

    try:
        return pickling.loads(content)
    except OrionError:
        raise
    except Exception as error:
        raise MissingResult(
            f"The result of {owner} cannot be read back: {type(error).__name__}: {error}"
        ) from error


def _literal(value: Any) -> bytes | None:
    try:
        if not _is_plain(value, 50):
            return None
        text = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, UnicodeEncodeError):
        return None
    return text if len(text) <= LITERAL_LIMIT and b"\\u0000" not in text else None


def _is_plain(value: Any, room: int) -> bool:
    kind = type(value)
    if kind is float:
        return math.isfinite(value)
    if kind is int:
        return -(2**63) <= value < 2**63
    if kind in _SCALARS:
        return True
    if kind is list:
        return len(value) <= room and all(_is_plain(item, room // 2) for item in value)
    if kind is dict:
        return len(value) <= room and all(
            type(k) is str and _is_plain(v, room // 2) for k, v in value.items()
        )
    return False


def _unpersisted(value: Any, why: str) -> Stored:
    note = f"{type(value).__name__}, {why}"[:500].replace("\x00", "")
    return Stored({"type": "unpersisted", "artifact_type": "result", "artifact_description": note})
