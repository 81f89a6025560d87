"""Where results lie: storages by label. A state names a label; what stands behind it is said on this side only.

(none)           the folder ORION_LOCAL_STORAGE_PATH
s3/prod          a saved block: named by a flow or a task of this program, or by the settings
folder:/mnt/x    a folder, given as a path
s3:1f2e...       a block that is not saved, by a hash of what it is made with, secrets left out
"""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path
from typing import Any

from orion.errors import Invalid
from orion.sdk.errors import MissingResult
from orion.settings import current

_BLOCK = re.compile(r"[a-z0-9][a-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9_-]*")

_configured: dict[str, Any] = {}  # label → a block, or None: it is loaded by its name
_loaded: dict[tuple[str, ...], Any] = {}
_lock = threading.Lock()


def configure(given: Any) -> str | None:
    """The label of a `result_storage`: a block, `type/name` of a saved one, or a folder. From now on it is known."""
    if given is None:
        return None
    if isinstance(given, str) and _BLOCK.fullmatch(given):
        _configured.setdefault(given, None)
        return given
    if isinstance(given, (str, Path)):
        return _folder(given)
    slug = given.get_block_type_slug()
    if given._block_document_name is not None:
        label = f"{slug}/{given._block_document_name}"
    else:
        label = f"{slug}:{hashlib.sha256(repr(given).encode()).hexdigest()[:16]}"
    _configured[label] = given
    return label


def storage(label: str) -> Any:
    """The file system of a label; raises `MissingResult` for one that this side does not know."""
    if label not in _configured and label not in _by_settings():
        raise MissingResult(
            f"its storage {label!r} is not one that this program uses: "
            f"to trust it, set ORION_RESULTS_STORAGE or ORION_RESULTS_TRUSTED to {label}."
        )
    found = _configured.get(label)
    return _load(label) if found is None else found


def default() -> str | None:
    """The label of the storage that the settings name."""
    return configure(current().results_storage or None)


def _by_settings() -> set[str]:
    names = [current().results_storage or "", *current().results_trusted.split(",")]
    return {label for name in names if (label := configure(name.strip() or None))}


def _folder(path: str | Path) -> str:
    from orion.blocks.local_file_system import LocalFileSystem

    text = str(path)
    if "://" in text:
        raise Invalid(
            f"The result storage {text!r} is a URL: save a block for it, and name that as type/name."
        )
    base = Path(text).expanduser().resolve()
    label = f"folder:{base}"
    if label not in _configured:
        _configured[label] = LocalFileSystem(basepath=str(base))
    return label


def _load(label: str) -> Any:
    from orion.blocks.core import Block
    from orion.blocks.filesystem import call

    key = (label, str(current().api_url), str(current().home))
    with _lock:
        if key not in _loaded:
            found = call(Block.load, label)
            missing = {"read-path", "write-path"} - set(found.get_block_capabilities())
            if missing:
                raise Invalid(
                    f"The block {label} cannot hold results: it has no {', '.join(sorted(missing))}."
                )
            _loaded[key] = found
        return _loaded[key]
