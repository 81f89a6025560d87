"""Results: small JSON values stand in the state itself, the rest in files that it refers to by size and SHA-256."""

from __future__ import annotations

import hashlib
import math
import os
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from orion.blocks.paths import PathOutside
from orion.model.states import COMPLETED
from orion.sdk.errors import MissingResult
from orion.sdk.result_options import DEFAULT, Keeping
from orion.settings import current

LITERAL_LIMIT = 1024
REFUSED = "The result cannot be stored: %s"
NOTHING: Any = type("Nothing", (), {"__repr__": lambda self: "NOTHING"})()

_SCALARS = (type(None), bool, int, float, str)


class Stored(NamedTuple):
    """What a state's data says about a result, the file to write before the state is sent, what its owner is told."""

    data: dict[str, Any]
    blob: Blob | None = None
    warning: str = ""


class Blob(NamedTuple):
    """A file of a storage that is not written yet."""

    storage: str | None
    key: str
    content: bytes

    def write(self) -> None:
        """Write it whole or not at all, and be sure that it is on the disk; raises OSError."""
        if self.storage is None:
            _write(path_of(self.key), self.content)
            return
        from orion.blocks.filesystem import StorageError, call
        from orion.sdk.result_storage import storage

        try:
            call(storage(self.storage).write_path, self.key, self.content)
        except (OSError, PathOutside):
            raise
        except Exception as error:
            raise StorageError(f"{self.storage}: {self.key} cannot be written: {error}") from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def store(
    value: Any, how: Keeping = DEFAULT, key: str | None = None, *, persist: bool | None = None
) -> Stored:
    """How `value` will be kept: as a literal, in a file, or, if neither works, not at all.

    `persist` is for who has not chosen: a cached task keeps its result even where the settings keep none.
    """
    if how.persist is False and value is not None:
        return _unpersisted(value, "persist_result=False")
    if (value is None or not how.is_chosen) and _literal(value) is not None:
        return Stored({"type": "literal", "value": value})
    if (
        how.persist is None
        and not how.storage
        and not (current().results_persist if persist is None else persist)
    ):
        return _unpersisted(value, "results are not kept (ORION_RESULTS_PERSIST)")
    serializer = _serializer(value, how)
    try:
        content = _dump(value, serializer)
    except Exception as error:
        why = f"it cannot be {'pickled' if serializer == 'pickle' else f'written as {serializer}'}: {error}"
        lost = _unpersisted(value, why)
        return lost._replace(warning=f"The result is not stored: {type(value).__name__}, {why}")
    return _reference(content, serializer, how.storage or _default_storage(), key or uuid.uuid4().hex)


def _reference(content: bytes, serializer: str, storage: str | None, key: str) -> Stored:
    reference = {
        "type": "reference",
        "serializer_type": serializer,
        "storage_key": key,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if storage is not None:
        reference["storage"] = storage
    return Stored(reference, Blob(storage, key, content))


def _serializer(value: Any, how: Keeping) -> str:
    """Exceptions are pickled, whatever the others are: nothing else brings them back."""
    if isinstance(value, BaseException):
        return "pickle"
    return how.serializer or current().results_serializer


def _default_storage() -> str | None:
    if not current().results_storage:
        return None
    from orion.sdk.result_storage import default

    return default()


def load(data: Any, owner: str = "the state") -> Any:
    """The value that a state's data stands for; raises `MissingResult`."""
    match data:
        case None:
            return None
        case {"type": "literal", "value": value}:
            return value
        case {"type": "reference", "storage_key": str(key)}:
            return _undump(_read(key, data, owner), data.get("serializer_type") or "pickle", owner)
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
    label = data.get("storage")
    place, content = _content(key, owner) if label is None else _content_there(str(label), key, owner)
    if data.get("size", len(content)) != len(content):
        raise MissingResult(
            f"The result of {owner} is damaged: {place} has {len(content)} bytes, not {data['size']}."
        )
    if data.get("sha256") and hashlib.sha256(content).hexdigest() != data["sha256"]:
        raise MissingResult(f"The result of {owner} is damaged: the content of {place} has changed.")
    return content


def _content(key: str, owner: str) -> tuple[str, bytes]:
    path = path_of(key)
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise MissingResult(f"The result of {owner} cannot be read: {path}: {error.strerror}.") from None


def _content_there(label: str, key: str, owner: str) -> tuple[str, bytes]:
    from orion.blocks.filesystem import call
    from orion.sdk.result_storage import storage

    try:
        return f"{key} in {label}", call(storage(label).read_path, key)
    except Exception as error:
        raise MissingResult(f"The result of {owner} cannot be read: {key} in {label}: {error}") from error


def _dump(value: Any, serializer: str) -> bytes:
    from orion.sdk import serializers

    found = serializers.find(serializer)
    content = found.dumps(value)
    if isinstance(value, BaseException):
        found.loads(content)  # one with a constructor of its own pickles well and cannot be read back
    return content


def _undump(content: bytes, serializer: str, owner: str) -> Any:
    from orion.sdk import serializers

    try:
        return serializers.find(serializer).loads(content)
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


def unwritten(why: object) -> dict[str, Any]:
    """What a state's data says about a result whose storage has refused it."""
    return _without(f"it could not be written: {why}")


def message_without(kind: str, given: str | None, why: object) -> str | None:
    """The message of a state whose result was refused: a good one says it, a failed one has more to say."""
    return f"The result could not be written: {why}"[:1000] if kind == COMPLETED else given


def _unpersisted(value: Any, why: str) -> Stored:
    return Stored(_without(f"{type(value).__name__}, {why}"))


def _without(why: str) -> dict[str, Any]:
    note = why[:500].replace("\x00", "")
    return {"type": "unpersisted", "artifact_type": "result", "artifact_description": note}
