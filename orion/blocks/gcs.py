"""Files in a bucket of Google Cloud Storage."""

from __future__ import annotations

import json
from typing import Any

from orion.blocks.fields import field
from orion.blocks.remote_files import RemoteFiles
from orion.blocks.secrets import SecretStr
from orion.errors import Invalid


class GCS(RemoteFiles):
    """Files in a bucket of Google Cloud Storage. Needs the extra `gcs`.

    Example:
        from orion.blocks import GCS

        files = GCS(bucket_path="bucket/folder", service_account_info='{"type": "service_account"}')
        files.write_path("2026/july.csv", b"...")
    """

    _block_type_name = "GCS"
    _block_type_slug = "gcs"

    bucket_path: str = field(description="The bucket, and a folder in it: bucket/folder.")
    service_account_info: SecretStr | None = field(
        None, description="The service account's key file as JSON; by default what the machine knows."
    )
    project: str | None = field(None, description="The project; by default that of the service account.")

    def block_initialization(self) -> None:
        if self.service_account_info:
            self._account()

    def location(self) -> str:
        return f"gcs://{self.bucket_path.removeprefix('gs://').removeprefix('gcs://').strip('/')}"

    def options(self) -> dict[str, Any]:
        found: dict[str, Any] = {"token": self._account()} if self.service_account_info else {}
        return {**found, "project": self.project} if self.project else found

    def _account(self) -> dict[str, Any]:
        assert self.service_account_info is not None
        try:
            account = json.loads(self.service_account_info.get_secret_value())
        except ValueError:
            account = None
        if not isinstance(account, dict):
            raise Invalid("GCS.service_account_info is not the JSON object of a service account's key file.")
        return account
