"""Runs in the environment of an unmodified client: registers, saves and loads blocks, and reports what it saw."""

from __future__ import annotations

import json
import sys
from typing import Optional

from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.filesystems import LocalFileSystem
from prefect.variables import Variable

try:
    from prefect._vendor import fastapi as _  # noqa: F401 - only there
    from pydantic.v1 import SecretStr  # the 2.x line
except ImportError:
    from pydantic import SecretStr


class Inner(Block):
    """Inner thing."""

    _block_type_slug = "peer-inner"
    user: str
    password: Optional[SecretStr] = None  # noqa: UP045 - as the client's own blocks are written


class Outer(Block):
    _block_type_slug = "peer-outer"
    n: int = 3
    inner: Inner


def main() -> None:
    Secret(value="peer-secret").save("token")
    LocalFileSystem(basepath="/tmp").save("files")
    inner = Inner(user="me", password="peer-password")
    inner.save("inner")
    Outer(inner=inner).save("linked")
    Outer(inner=Inner(user="you", password="copied")).save("copied")
    inner.user = "changed"
    inner.save("inner", overwrite=True)
    linked = Outer.load("linked")
    Variable.set("size", "large")
    report = {
        "secret": Secret.load("token").get(),
        "linked": [linked.inner.user, linked.inner.password.get_secret_value()],
        "copied": Outer.load("copied").inner.password.get_secret_value(),
        "files": str(LocalFileSystem.load("files").basepath),
        "checksums": {cls.__name__: cls._calculate_schema_checksum() for cls in (Inner, Outer, Secret)},
    }
    with open(sys.argv[1], "w") as file:
        json.dump(report, file)


if __name__ == "__main__":
    main()
