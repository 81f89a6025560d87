"""Files in a container of Azure Blob Storage."""

from __future__ import annotations

from typing import Any

from orion.blocks.fields import field
from orion.blocks.remote_files import RemoteFiles
from orion.blocks.secrets import SecretStr


class Azure(RemoteFiles):
    """Files in a container of Azure Blob Storage. Needs the extra `azure`.

    Example:
        from orion.blocks import Azure

        files = Azure(bucket_path="container/folder", azure_storage_connection_string="...")
        files.write_path("2026/july.csv", b"...")
    """

    _block_type_name = "Azure"
    _block_type_slug = "azure"

    bucket_path: str = field(description="The container, and a folder in it: container/folder.")
    azure_storage_connection_string: SecretStr | None = field(
        None, description="By default AZURE_STORAGE_CONNECTION_STRING."
    )
    azure_storage_account_name: SecretStr | None = field(
        None, description="By default AZURE_STORAGE_ACCOUNT_NAME."
    )
    azure_storage_account_key: SecretStr | None = field(
        None, description="By default AZURE_STORAGE_ACCOUNT_KEY."
    )
    azure_storage_tenant_id: SecretStr | None = field(None, description="By default AZURE_TENANT_ID.")
    azure_storage_client_id: SecretStr | None = field(None, description="By default AZURE_CLIENT_ID.")
    azure_storage_client_secret: SecretStr | None = field(None, description="By default AZURE_CLIENT_SECRET.")
    azure_storage_anon: bool = field(
        True, description="Whether to come without a name where no key is given."
    )
    azure_storage_container: SecretStr | None = field(
        None, description="The container, if the path does not begin with it."
    )

    def location(self) -> str:
        path = self.bucket_path.removeprefix("az://").strip("/")
        container = self.azure_storage_container
        return f"az://{container.get_secret_value()}/{path}" if container else f"az://{path}"

    def options(self) -> dict[str, Any]:
        named = (
            "connection_string",
            "account_name",
            "account_key",
            "tenant_id",
            "client_id",
            "client_secret",
        )
        given = {name: getattr(self, f"azure_storage_{name}") for name in named}
        return {
            **{name: value.get_secret_value() for name, value in given.items() if value},
            "anon": self.azure_storage_anon,
        }
