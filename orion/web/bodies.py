"""Bodies that only the web knows: pages of the newer lists, bulk requests and confirmations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from orion.model.filters import (
    ArtifactCollectionFilter,
    ArtifactFilter,
    BlockDocumentFilter,
    BlockSchemaFilter,
    BlockTypeFilter,
    DeploymentFilter,
    DeploymentQuery,
    Filters,
    FlowFilter,
    FlowQuery,
    FlowRunFilter,
    FlowRunQuery,
    FlowRunSort,
    Offset,
    PageLimit,
    TaskRunQuery,
    VariableFilter,
)
from orion.model.ids import Id
from orion.model.states import OrchestrationResult, StateCreate

PageNumber = Annotated[int, Meta(ge=1, lt=2**31)]
BulkLimit = Annotated[int, Meta(ge=1, le=200)]


class FlowPage(FlowQuery, kw_only=True):
    """Body of `POST /flows/paginate`."""

    page: PageNumber | None = None


class FlowRunPage(FlowRunQuery, kw_only=True):
    """Body of `POST /flow_runs/paginate`."""

    page: PageNumber | None = None


class TaskRunPage(TaskRunQuery, kw_only=True):
    """Body of `POST /task_runs/paginate`."""

    page: PageNumber | None = None


class DeploymentPage(DeploymentQuery, kw_only=True):
    """Body of `POST /deployments/paginate`."""

    page: PageNumber | None = None


class Paginated(Struct, kw_only=True):
    """One page of a list and how many there are."""

    results: list[Any]
    count: int
    limit: int
    pages: int
    page: int


class FlowsBulk(Struct, kw_only=True):
    """Which flows a bulk request means."""

    flows: FlowFilter | None = None
    limit: BulkLimit | None = None


class FlowRunsBulk(Struct, kw_only=True):
    """Which flow runs a bulk request means."""

    flow_runs: FlowRunFilter | None = None
    limit: BulkLimit | None = None


class DeploymentsBulk(Struct, kw_only=True):
    """Which deployments a bulk request means."""

    deployments: DeploymentFilter | None = None
    limit: BulkLimit | None = None


class Deleted(Struct, kw_only=True):
    """What a bulk request deleted."""

    deleted: list[Id]


class SetStateBulk(Struct, kw_only=True):
    """Body of `POST /flow_runs/bulk_set_state`."""

    flow_runs: FlowRunFilter | None = None
    state: StateCreate
    force: bool | None = False
    limit: BulkLimit | None = None


class BulkResults(Struct, kw_only=True):
    """What became of each run of a bulk request, in order."""

    results: list[Any]


class DotsQuery(Filters, kw_only=True):
    """Body of `POST /ui/flow_runs/history`."""

    sort: FlowRunSort | None = None
    limit: Annotated[int, Meta(ge=0, le=1000)] | None = None
    offset: Offset | None = None


class FlowRunIds(Struct, kw_only=True):
    """Body of `POST /ui/flow_runs/count-task-runs`."""

    flow_run_ids: Annotated[list[Id], Meta(max_length=1000)]


class FlowIds(Struct, kw_only=True):
    """Body of `POST /ui/flows/count-deployments` and `next-runs`."""

    flow_ids: Annotated[list[Id], Meta(max_length=1000)]


class Confirmation(Struct, kw_only=True):
    """Body of `POST /admin/database/*`: nothing happens without `confirm`."""

    confirm: bool | None = False


class Resume(Struct, kw_only=True):
    """Body of `POST /flow_runs/{id}/resume`."""

    run_input: dict[str, Any] | None = None


class Beat(Struct, kw_only=True):
    """Body of `POST /flow_runs/{id}/heartbeat`; the attempt token may also come as header `Orion-Attempt`."""

    token: str | None = None


class BlockTypeQuery(Struct, kw_only=True):
    """Body of `POST /block_types/filter`."""

    block_types: BlockTypeFilter | None = None
    block_schemas: BlockSchemaFilter | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class BlockSchemaQuery(Struct, kw_only=True):
    """Body of `POST /block_schemas/filter`."""

    block_schemas: BlockSchemaFilter | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class BlockDocumentCount(Struct, kw_only=True):
    """Body of `POST /block_documents/count`."""

    block_documents: BlockDocumentFilter | None = None
    block_types: BlockTypeFilter | None = None
    block_schemas: BlockSchemaFilter | None = None


class BlockDocumentQuery(BlockDocumentCount, kw_only=True):
    """Body of `POST /block_documents/filter`."""

    include_secrets: bool | None = False
    sort: Literal["NAME_ASC", "NAME_DESC", "BLOCK_TYPE_AND_NAME_ASC"] | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class VariableCount(Struct, kw_only=True):
    """Body of `POST /variables/count`."""

    variables: VariableFilter | None = None


class VariableQuery(VariableCount, kw_only=True):
    """Body of `POST /variables/filter`."""

    sort: Literal["NAME_ASC", "NAME_DESC", "CREATED_DESC", "UPDATED_DESC"] | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


ArtifactSort = Literal["ID_DESC", "CREATED_DESC", "UPDATED_DESC", "KEY_DESC", "KEY_ASC"]


class ArtifactCount(Filters, kw_only=True):
    """Body of `POST /artifacts/count`."""

    artifacts: ArtifactFilter | None = None


class ArtifactQuery(ArtifactCount, kw_only=True):
    """Body of `POST /artifacts/filter`."""

    sort: ArtifactSort | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class ArtifactCollectionCount(Filters, kw_only=True):
    """Body of `POST /artifacts/latest/count`."""

    artifacts: ArtifactCollectionFilter | None = None


class ArtifactCollectionQuery(ArtifactCollectionCount, kw_only=True):
    """Body of `POST /artifacts/latest/filter`."""

    sort: ArtifactSort | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class FlowRunResult(Struct, kw_only=True):
    """One line of `BulkResults` of a bulk set_state."""

    flow_run_id: Id
    status: str
    state: Any
    details: Any

    @classmethod
    def of(cls, flow_run_id: str, result: OrchestrationResult) -> FlowRunResult:
        """The line of a run and the answer to its proposal."""
        return cls(flow_run_id=flow_run_id, status=result.status, state=result.state, details=result.details)
