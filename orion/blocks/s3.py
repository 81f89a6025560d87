"""Files in a bucket of S3, or of a store that speaks like it."""

from __future__ import annotations

from typing import Any

from orion.blocks.fields import field
from orion.blocks.remote_files import RemoteFiles
from orion.blocks.secrets import SecretStr


class S3(RemoteFiles):
    """Files in a bucket of S3, or of a store that speaks like it. Needs the extra `s3`.

    Example:
        from orion.blocks import S3

        files = S3(bucket_path="bucket/folder", aws_access_key_id="...", aws_secret_access_key="...")
        files.write_path("2026/july.csv", b"...")
    """

    _block_type_name = "S3"
    _block_type_slug = "s3"

    bucket_path: str = field(description="The bucket, and a folder in it: bucket/folder.")
    aws_access_key_id: SecretStr | None = field(
        None, title="AWS Access Key ID", description="By default what the machine knows: AWS_ACCESS_KEY_ID."
    )
    aws_secret_access_key: SecretStr | None = field(
        None, title="AWS Secret Access Key", description="By default AWS_SECRET_ACCESS_KEY."
    )
    endpoint_url: str | None = field(
        None,
        title="Endpoint URL",
        description="Where a store lives that is not Amazon's: https://minio:9000.",
    )
    region_name: str | None = field(None, description="The region of the bucket, such as eu-central-1.")

    def location(self) -> str:
        return f"s3://{self.bucket_path.removeprefix('s3://').strip('/')}"

    def options(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.aws_access_key_id:
            found["key"] = self.aws_access_key_id.get_secret_value()
        if self.aws_secret_access_key:
            found["secret"] = self.aws_secret_access_key.get_secret_value()
        if self.endpoint_url:
            found["endpoint_url"] = self.endpoint_url
        if self.region_name:
            found["client_kwargs"] = {"region_name": self.region_name}
        return found
