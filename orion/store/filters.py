"""Filters as SQL: a filter of one object, and those of related objects by the existence of a related row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import structs

from orion.model.agent_pool import AGENT_POOL, POOL_ID
from orion.model.filters import (
    ArtifactCollectionFilter,
    ArtifactFilter,
    BlockDocumentFilter,
    BlockSchemaFilter,
    BlockTypeFilter,
    Criterion,
    DeploymentFilter,
    ExistsCriterion,
    Filters,
    FlowFilter,
    FlowRunFilter,
    LogText,
    NameCriterion,
    NullableIdCriterion,
    NullCriterion,
    StateCriterion,
    TagsCriterion,
    TaskRunFilter,
    TimeCriterion,
    WorkPoolFilter,
    WorkQueueFilter,
)
from orion.store.base import Conn
from orion.store.conditions import Conditions, Literal, given, join, like, operator_of
from orion.store.rows import json_text

POOL = {"id": f"'{POOL_ID}'", "name": f"'{AGENT_POOL}'", "type": "'prefect-agent'"}


class Where(NamedTuple):
    """The condition of a statement (`TRUE` when there is none) and its parameters."""

    text: str
    params: dict[str, Any]


def where(
    conn: Conn,
    table: str,
    filters: Filters | None,
    order: str | None = None,
    within: TimeCriterion | None = None,
) -> Where:
    """The condition on `flow`, `flow_run`, `task_run` or `deployment` that a set of filters means.

    With `order`, the column that a list is sorted by, it is written for a page of that list: where many rows meet it,
    so that they are come by in order, else so that they are found and then sorted. `within` is the time in which flow
    runs are expected, where the statement itself has such a condition.
    """
    if filters is None:
        return Where("TRUE", {})
    c = Conditions(conn, table, order, within=within)
    text = OBJECTS[table](c, filters)
    if c.strays and text and c.is_common(table, text):
        c = Conditions(conn, table, order, walk=True, within=within)
        text = OBJECTS[table](c, filters)
    return Where(text or "TRUE", c.params)


def where_own(conn: Conn, table: str, criteria: Criterion | None) -> Where:
    """The condition of a single filter on its own table: logs, queues, blocks, variables, artifacts."""
    c = Conditions(conn)
    return Where(own(c, table, criteria) or "TRUE", c.params)


def where_pool(conn: Conn, criteria: WorkPoolFilter | None) -> Where:
    """The condition that the implicit pool meets a filter."""
    c = Conditions(conn)
    return Where((pool_fits(c, criteria) if criteria is not None else None) or "TRUE", c.params)


def where_blocks(
    conn: Conn,
    table: str,
    *,
    documents: BlockDocumentFilter | None = None,
    types: BlockTypeFilter | None = None,
    schemas: BlockSchemaFilter | None = None,
) -> Where:
    """The condition on block types or documents that the filters of documents, types and schemas mean together."""
    c = Conditions(conn)
    if table == "block_type":
        linked = own(c, "block_schema", schemas)
        by_schema = related(c, "block_schema", "block_schema.block_type_id = block_type.id", linked)
        return Where(
            join(None, [own(c, "block_type", types), by_schema if linked else None]) or "TRUE", c.params
        )
    kind, schema = own(c, "block_type", types), own(c, "block_schema", schemas)
    parts = [
        own(c, "block_document", documents),
        related(c, "block_type", "block_type.id = block_document.block_type_id", kind) if kind else None,
        related(c, "block_schema", "block_schema.id = block_document.block_schema_id", schema)
        if schema
        else None,
    ]
    return Where(join(None, parts) or "TRUE", c.params)


def where_artifacts(
    conn: Conn,
    table: str,
    criteria: ArtifactFilter | ArtifactCollectionFilter | None,
    filters: Filters | None,
) -> Where:
    """The condition on artifacts, or on the newest of each key, by their own filter and those of their runs."""
    c = Conditions(conn)
    of_runs = runs_of_artifact(c, filters) if filters is not None else None
    if of_runs is not None and table == "artifact_collection":
        of_runs = newest_artifact(c, of_runs)
    return Where(join(None, [own(c, table, criteria), of_runs]) or "TRUE", c.params)


def own(c: Conditions, table: str, criteria: Criterion | None) -> str | None:
    """A filter on its own table: every criterion is a column of the same name, unless `SPECIAL` knows better."""
    if criteria is None:
        return None
    parts = []
    for field, criterion in given(criteria):
        if field == "operator":
            continue
        special = SPECIAL.get((table, field))
        parts.append(special(c, criterion) if special else c.match(f"{table}.{field}", criterion))
    return join(operator_of(criteria), parts)


# --- Objects: what the filters of related objects mean for each -------------------------------------------------------


def flows(c: Conditions, f: Filters) -> str | None:
    parts = [own(c, "flow", f.flows)]
    if f.deployments is not None:
        parts.append(
            related(c, "deployment", "deployment.flow_id = flow.id", own(c, "deployment", f.deployments))
        )
    if f.flow_runs is not None or f.task_runs is not None:
        runs = join(None, [own(c, "flow_run", f.flow_runs), having_task_runs(c, f.task_runs)])
        parts.append(related(c, "flow_run", "flow_run.flow_id = flow.id", runs))
    return join(None, parts)


def flow_runs(c: Conditions, f: Filters) -> str | None:
    c.within = c.within or _time_of(f.flow_runs)
    parents = [of_flow(c, "flow_run.flow_id", f.flows), of_deployment(c, f.deployments)]
    queues = [in_pool(c, f.work_pools, "flow_run"), in_queue(c, f.work_pool_queues, "flow_run")]
    return join(None, [own(c, "flow_run", f.flow_runs), *parents, having_task_runs(c, f.task_runs), *queues])


def _time_of(criteria: FlowRunFilter | None) -> TimeCriterion | None:
    """When all flow runs that meet a filter are expected, if it says so."""
    if criteria is None or criteria.operator == "or_":
        return None
    time = criteria.expected_start_time
    return time if time is not None and time.is_null_ is None else None


def task_runs(c: Conditions, f: Filters) -> str | None:
    parts = [own(c, "task_run", f.task_runs)]
    above = join(None, [of_flow(c, "flow_run.flow_id", f.flows), of_deployment(c, f.deployments)])
    only_id = lone(f.flow_runs, "id")
    if only_id is not None and above is None:
        parts.append(c.match("task_run.flow_run_id", only_id))
    elif f.flow_runs is not None or above is not None:
        runs = join(None, [own(c, "flow_run", f.flow_runs), above])
        parts.append(related(c, "flow_run", "flow_run.id = task_run.flow_run_id", runs))
    return join(None, parts)


def deployments(c: Conditions, f: Filters) -> str | None:
    parts = [own(c, "deployment", f.deployments), of_flow(c, "deployment.flow_id", f.flows)]
    if f.flow_runs is not None or f.task_runs is not None:
        runs = join(None, [own(c, "flow_run", f.flow_runs), having_task_runs(c, f.task_runs)])
        parts.append(related(c, "flow_run", "flow_run.deployment_id = deployment.id", runs))
    parts += [in_pool(c, f.work_pools, "deployment"), in_queue(c, f.work_pool_queues, "deployment")]
    return join(None, parts)


def runs_of_artifact(c: Conditions, f: Filters) -> str | None:
    parts = []
    if f.flow_runs is not None or f.flows is not None or f.deployments is not None:
        above = [of_flow(c, "flow_run.flow_id", f.flows), of_deployment(c, f.deployments)]
        runs = join(None, [own(c, "flow_run", f.flow_runs), *above])
        parts.append(related(c, "flow_run", "flow_run.id = artifact.flow_run_id", runs))
    if f.task_runs is not None:
        tasks = own(c, "task_run", f.task_runs)
        parts.append(related(c, "task_run", "task_run.id = artifact.task_run_id", tasks))
    return join(None, parts)


def newest_artifact(c: Conditions, criteria: str | None) -> str:
    return related(c, "artifact", "artifact.id = artifact_collection.latest_id", criteria)


def by_newest(column: str) -> Callable[[Conditions, Criterion], str | None]:
    """A criterion on a collection that its newest artifact meets."""

    def condition(c: Conditions, criterion: Criterion) -> str | None:
        matched = c.match(f"artifact.{column}", criterion)
        return newest_artifact(c, matched) if matched else None

    return condition


OBJECTS: dict[str, Callable[[Conditions, Filters], str | None]] = {
    "flow": flows,
    "flow_run": flow_runs,
    "task_run": task_runs,
    "deployment": deployments,
}


# --- Relations --------------------------------------------------------------------------------------------------------


def related(c: Conditions, table: str, link: str, criteria: str | None) -> str:
    """Whether there is a related row that meets the criteria."""
    return f"EXISTS (SELECT 1 FROM {table} WHERE {join(None, [link, criteria])})"


def lone(criteria: Criterion | None, name: str) -> Any:
    """The criterion of this name if it is the only one and lists values: then no look at the row is needed."""
    said = dict(given(criteria)) if criteria is not None else {}
    said.pop("operator", None)
    criterion = said.get(name) if len(said) == 1 else None
    return criterion if getattr(criterion, "any_", None) is not None else None


def of_flow(c: Conditions, column: str, criteria: FlowFilter | None) -> str | None:
    if criteria is None:
        return None
    only_id, only_name = lone(criteria, "id"), lone(criteria, "name")
    if only_id is not None:
        return c.match(column, only_id)
    if only_name is not None and len(only_name.any_) == 1 and not only_name.like_:
        return f"{column} = (SELECT flow.id FROM flow WHERE {c.match('flow.name', only_name)})"
    return related(c, "flow", f"flow.id = {column}", own(c, "flow", criteria))


def of_deployment(c: Conditions, criteria: DeploymentFilter | None) -> str | None:
    if criteria is None:
        return None
    only_id = lone(criteria, "id")
    if only_id is not None:
        return c.match("flow_run.deployment_id", only_id)
    return related(c, "deployment", "deployment.id = flow_run.deployment_id", own(c, "deployment", criteria))


def having_task_runs(c: Conditions, criteria: TaskRunFilter | None) -> str | None:
    if criteria is None:
        return None
    return related(c, "task_run", "task_run.flow_run_id = flow_run.id", own(c, "task_run", criteria))


def in_queue(c: Conditions, criteria: WorkQueueFilter | None, table: str) -> str | None:
    if criteria is None:
        return None
    link = f"work_queue.name = {table}.work_queue_name"
    return related(c, "work_queue", link, own(c, "work_queue", criteria))


def in_pool(c: Conditions, criteria: WorkPoolFilter | None, table: str) -> str | None:
    """The only pool is the implicit one of the agents, without a row; every queue there is belongs to it."""
    if criteria is None:
        return None
    queued = related(c, "work_queue", f"work_queue.name = {table}.work_queue_name", None)
    return join(None, [queued, pool_fits(c, criteria)])


def pool_fits(c: Conditions, criteria: WorkPoolFilter) -> str | None:
    fields = ((field, criterion) for field, criterion in given(criteria) if field != "operator")
    return join(operator_of(criteria), [c.match(POOL[field], criterion) for field, criterion in fields])


# --- Criteria that are more than a column -----------------------------------------------------------------------------


def state_of(table: str) -> Callable[[Conditions, StateCriterion], str | None]:
    def condition(c: Conditions, criterion: StateCriterion) -> str | None:
        kind = c.match(f"{table}.state_type", criterion.type)
        return join(criterion.operator, [kind, c.match(f"{table}.state_name", criterion.name)])

    return condition


def tags_of(table: str) -> Callable[[Conditions, Any], str | None]:
    return lambda c, criterion: c.tags(table, criterion)


def flow_deployment(c: Conditions, criterion: NullCriterion) -> str | None:
    if criterion.is_null_ is None:
        return None
    found = related(c, "deployment", "deployment.flow_id = flow.id", None)
    return f"NOT {found}" if criterion.is_null_ else found


def parent_flow_run(c: Conditions, criterion: NullableIdCriterion) -> str | None:
    """The flow run whose task run stands for this run; a run without one has no parent."""
    parent = "(SELECT parent.flow_run_id FROM task_run parent WHERE parent.id = flow_run.parent_task_run_id)"
    if (
        criterion.any_ is None
        or criterion.operator == "or_"
        or criterion.not_any_
        or criterion.is_null_ is not None
    ):
        return c.match(parent, criterion)
    children = f"SELECT parent.id FROM task_run parent WHERE {c.match('parent.flow_run_id', criterion)}"
    return f"flow_run.parent_task_run_id IN ({children})"


def created_by(c: Conditions, criterion: NullableIdCriterion) -> str | None:
    by_id = "json_extract(flow_run.created_by, '$.id')"
    return c.match(
        by_id if c.conn.dialect == "sqlite" else "(CAST(flow_run.created_by AS json) ->> 'id')", criterion
    )


def subflow_runs(c: Conditions, criterion: ExistsCriterion) -> str | None:
    if criterion.exists_ is None:
        return None
    found = "EXISTS (SELECT 1 FROM flow_run subflow WHERE subflow.parent_task_run_id = task_run.id)"
    return found if criterion.exists_ else f"NOT {found}"


def schedule_active(c: Conditions, criterion: Any) -> str | None:
    return None if criterion.eq_ is None else f"deployment.paused = {c.bind(not criterion.eq_)}"


def flow_or_deployment_name(c: Conditions, criterion: NameCriterion) -> str | None:
    flow = c.match("(SELECT flow.name FROM flow WHERE flow.id = deployment.flow_id)", criterion)
    return join("or_", [c.match("deployment.name", criterion), flow])


def block_capabilities(c: Conditions, criterion: TagsCriterion) -> str | None:
    """Capabilities stand as JSON text in the schema's row; there are few schemas."""
    parts = [like(c, "block_schema.capabilities", Literal(f'"{name}"')) for name in criterion.all_ or ()]
    some = [like(c, "block_schema.capabilities", Literal(f'"{name}"')) for name in criterion.any_ or ()]
    if criterion.any_ is not None:
        parts.append(join("or_", some) or "FALSE")
    return join(criterion.operator, parts)


def variable_value(c: Conditions, criterion: NameCriterion) -> str | None:
    """Values stand as JSON text; `any_` names texts."""
    texts = None if criterion.any_ is None else [json_text(text) or "" for text in criterion.any_]
    return c.match("variable.value", structs.replace(criterion, any_=texts))


def log_text(c: Conditions, criterion: LogText) -> str:
    return like(c, "log.message", Literal(criterion.query))


SPECIAL: dict[tuple[str, str], Callable[[Conditions, Any], str | None]] = {
    ("flow", "tags"): tags_of("flow"),
    ("flow", "deployment"): flow_deployment,
    ("flow_run", "tags"): tags_of("flow_run"),
    ("flow_run", "state"): state_of("flow_run"),
    ("flow_run", "parent_flow_run_id"): parent_flow_run,
    ("flow_run", "created_by"): created_by,
    ("task_run", "tags"): tags_of("task_run"),
    ("task_run", "state"): state_of("task_run"),
    ("task_run", "subflow_runs"): subflow_runs,
    ("deployment", "tags"): tags_of("deployment"),
    ("deployment", "is_schedule_active"): schedule_active,
    ("deployment", "flow_or_deployment_name"): flow_or_deployment_name,
    ("block_schema", "block_capabilities"): block_capabilities,
    ("variable", "tags"): tags_of("variable"),
    ("variable", "value"): variable_value,
    ("log", "text"): log_text,
    ("artifact_collection", "type"): by_newest("type"),
    ("artifact_collection", "flow_run_id"): by_newest("flow_run_id"),
    ("artifact_collection", "task_run_id"): by_newest("task_run_id"),
}
