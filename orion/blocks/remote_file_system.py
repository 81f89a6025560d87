"""Files anywhere that fsspec reaches: s3://, gs://, sftp://, memory:// and many more."""

from __future__ import annotations

from typing import Any

from orion.blocks.fields import field
from orion.blocks.remote_files import RemoteFiles
from orion.blocks.secrets import SecretDict
from orion.errors import Invalid


class RemoteFileSystem(RemoteFiles):
    """Files anywhere that fsspec reaches, below a base path; paths that lead out of it are refused.

    Example:
        from orion.blocks import RemoteFileSystem

        files = RemoteFileSystem(basepath="s3://bucket/folder", settings={"key": "...", "secret": "..."})
        files.write_path("2026/july.csv", b"...")
    """

    _block_type_name = "Remote File System"
    _block_type_slug = "remote-file-system"

    basepath: str = field(description="Scheme and path, such as s3://bucket/folder.")
    settings: SecretDict = field(
        default_factory=SecretDict, description="What fsspec's file system is made with."
    )

    def block_initialization(self) -> None:
        scheme, found, _ = self.basepath.partition("://")
        if not found or not scheme:
            raise Invalid(f"The base path {self.basepath!r} has no scheme: write it as s3://bucket/folder.")

    def location(self) -> str:
        return self.basepath

    def options(self) -> dict[str, Any]:
        return self.settings.get_secret_value()
