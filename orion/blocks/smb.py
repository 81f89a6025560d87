"""Files of a Windows share."""

from __future__ import annotations

from typing import Any

from orion.blocks.fields import field
from orion.blocks.remote_files import RemoteFiles
from orion.blocks.secrets import SecretStr


class SMB(RemoteFiles):
    """Files of a Windows share. Needs the extra `smb`.

    Example:
        from orion.blocks import SMB

        files = SMB(smb_host="files.example.com", share_path="share/folder", smb_username="...", smb_password="...")
        files.write_path("2026/july.csv", b"...")
    """

    _block_type_name = "SMB"
    _block_type_slug = "smb"

    share_path: str = field(description="The share, and a folder in it: share/folder.")
    smb_username: SecretStr | None = field(None, title="SMB Username", description="Who asks.")
    smb_password: SecretStr | None = field(None, title="SMB Password", description="The password.")
    smb_host: str = field(title="SMB server/hostname", description="The server's name or address.")
    smb_port: int | None = field(None, title="SMB port", description="By default 445.")

    def location(self) -> str:
        return f"smb://{self.smb_host.rstrip('/')}/{self.share_path.strip('/')}"

    def options(self) -> dict[str, Any]:
        found: dict[str, Any] = {"share_access": "rwd"}  # else a file that is read could not be replaced
        if self.smb_username:
            found["username"] = self.smb_username.get_secret_value()
        if self.smb_password:
            found["password"] = self.smb_password.get_secret_value()
        if self.smb_port:
            found["port"] = self.smb_port
        return found
