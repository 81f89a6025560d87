"""The routes of blocks, variables and artifacts as methods of the clients."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from orion.model import artifacts as ar
from orion.model import blocks as b
from orion.model import variables as v
from orion.sdk.routes import Routes


class BlockRoutes(Routes):
    """One method a route."""

    # block types
    def create_block_type(self, kind: b.BlockTypeCreate) -> Any:
        return self._post("/block_types/", kind, b.BlockType)

    def read_block_type(self, type_id: str) -> Any:
        return self._get(f"/block_types/{type_id}", b.BlockType)

    def read_block_type_by_slug(self, slug: str) -> Any:
        return self._get(f"/block_types/slug/{_part(slug)}", b.BlockType)

    def read_block_types(self, **filters: Any) -> Any:
        return self._post("/block_types/filter", filters, list[b.BlockType])

    def update_block_type(self, type_id: str, changes: b.BlockTypeUpdate) -> Any:
        return self._patch(f"/block_types/{type_id}", changes)

    def delete_block_type(self, type_id: str) -> Any:
        return self._delete(f"/block_types/{type_id}")

    def install_system_block_types(self) -> Any:
        return self._post("/block_types/install_system_block_types", {})

    # block schemas
    def create_block_schema(self, schema: b.BlockSchemaCreate) -> Any:
        return self._post("/block_schemas/", schema, b.BlockSchema)

    def read_block_schema(self, schema_id: str) -> Any:
        return self._get(f"/block_schemas/{schema_id}", b.BlockSchema)

    def read_block_schema_by_checksum(self, checksum: str, version: str | None = None) -> Any:
        query = f"?version={quote(version, safe='')}" if version else ""
        return self._get(f"/block_schemas/checksum/{_part(checksum)}{query}", b.BlockSchema)

    def read_block_schemas(self, **filters: Any) -> Any:
        return self._post("/block_schemas/filter", filters, list[b.BlockSchema])

    def delete_block_schema(self, schema_id: str) -> Any:
        return self._delete(f"/block_schemas/{schema_id}")

    def read_block_capabilities(self) -> Any:
        return self._get("/block_capabilities/", list[str])

    # block documents
    def create_block_document(self, document: b.BlockDocumentCreate) -> Any:
        return self._post("/block_documents/", document, b.BlockDocument)

    def read_block_document(self, document_id: str, include_secrets: bool = False) -> Any:
        return self._get(f"/block_documents/{document_id}{_secrets(include_secrets)}", b.BlockDocument)

    def read_block_document_by_name(self, slug: str, name: str, include_secrets: bool = False) -> Any:
        path = f"/block_types/slug/{_part(slug)}/block_documents/name/{_part(name)}"
        return self._get(f"{path}{_secrets(include_secrets)}", b.BlockDocument)

    def read_block_documents(self, **filters: Any) -> Any:
        return self._post("/block_documents/filter", filters, list[b.BlockDocument])

    def count_block_documents(self, **filters: Any) -> Any:
        return self._post("/block_documents/count", filters, int)

    def update_block_document(self, document_id: str, changes: b.BlockDocumentUpdate) -> Any:
        return self._patch(f"/block_documents/{document_id}", changes)

    def delete_block_document(self, document_id: str) -> Any:
        return self._delete(f"/block_documents/{document_id}")

    def rotate_key(self) -> Any:
        return self._post("/admin/rotate_key", {}, dict[str, Any])

    # variables
    def create_variable(self, variable: v.VariableCreate) -> Any:
        return self._post("/variables/", variable, v.Variable)

    def read_variable(self, variable_id: str) -> Any:
        return self._get(f"/variables/{variable_id}", v.Variable)

    def read_variable_by_name(self, name: str) -> Any:
        return self._get(f"/variables/name/{_part(name)}", v.Variable)

    def read_variables(self, **filters: Any) -> Any:
        return self._post("/variables/filter", filters, list[v.Variable])

    def count_variables(self, **filters: Any) -> Any:
        return self._post("/variables/count", filters, int)

    def update_variable_by_name(self, name: str, changes: v.VariableUpdate) -> Any:
        return self._patch(f"/variables/name/{_part(name)}", changes)

    def delete_variable_by_name(self, name: str) -> Any:
        return self._delete(f"/variables/name/{_part(name)}")

    # artifacts
    def create_artifact(self, artifact: ar.ArtifactCreate) -> Any:
        return self._post("/artifacts/", artifact, ar.Artifact)

    def read_artifact(self, artifact_id: str) -> Any:
        return self._get(f"/artifacts/{artifact_id}", ar.Artifact)

    def read_latest_artifact(self, key: str) -> Any:
        return self._get(f"/artifacts/{_part(key)}/latest", ar.Artifact)

    def read_artifacts(self, **filters: Any) -> Any:
        return self._post("/artifacts/filter", filters, list[ar.Artifact])

    def read_latest_artifacts(self, **filters: Any) -> Any:
        return self._post("/artifacts/latest/filter", filters, list[ar.ArtifactCollection])

    def update_artifact(self, artifact_id: str, changes: ar.ArtifactUpdate) -> Any:
        return self._patch(f"/artifacts/{artifact_id}", changes)

    def delete_artifact(self, artifact_id: str) -> Any:
        return self._delete(f"/artifacts/{artifact_id}")


def _part(text: str) -> str:
    return quote(text, safe="")


def _secrets(include: bool) -> str:
    return "?include_secrets=true" if include else ""
