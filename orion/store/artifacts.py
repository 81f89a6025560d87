"""Artifacts of runs, and the collections: one row a key that points to its newest artifact."""

from __future__ import annotations

from datetime import datetime

from orion.errors import NotFound
from orion.model.artifacts import Artifact, ArtifactCollection, ArtifactCreate, ArtifactUpdate
from orion.model.filters import ArtifactCollectionFilter, ArtifactFilter, Filters
from orion.model.ids import new_id
from orion.store import changes, paging, sql
from orion.store.base import Conn, Params, Row
from orion.store.filters import where_artifacts
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text

Q = sql.load("artifacts")
ARTIFACT = Rows(Artifact, "artifact")
COLLECTION = Rows(
    ArtifactCollection,
    "artifact_collection",
    leave_out=("type", "description", "data", "metadata_", "flow_run_id", "task_run_id"),
)
COLUMNS = f"{COLLECTION.columns}, {ARTIFACT.columns}"
NEWEST = "JOIN artifact ON artifact.id = artifact_collection.latest_id"
FIND = f"SELECT {ARTIFACT.columns} FROM artifact WHERE id = :id"
LATEST = f"SELECT {COLUMNS} FROM artifact_collection {NEWEST} WHERE artifact_collection.key = :key"


def _sorts(table: str) -> dict[str, Sort]:
    return {
        "ID_DESC": Sort(f"{table}.id", descending=True),
        "CREATED_DESC": Sort(f"{table}.created", descending=True),
        "UPDATED_DESC": Sort(f"{table}.updated", descending=True),
        "KEY_DESC": Sort(f"{table}.key", descending=True, nullable=table == "artifact"),
        "KEY_ASC": Sort(f"{table}.key", nullable=table == "artifact"),
    }


LISTING = Listing("artifact", ARTIFACT.columns, "", _sorts("artifact"))
NEWEST_LISTING = Listing("artifact_collection", COLUMNS, NEWEST, _sorts("artifact_collection"))


def create(conn: Conn, wanted: ArtifactCreate, now: datetime) -> Artifact:
    """Keep an artifact; one with a key is the newest of its key from now on."""
    made = Artifact(
        id=new_id(),
        created=now,
        updated=now,
        key=wanted.key,
        type=wanted.type,
        description=wanted.description,
        data=wanted.data,
        metadata_=wanted.metadata_,
        flow_run_id=wanted.flow_run_id,
        task_run_id=wanted.task_run_id,
    )
    conn.run(ARTIFACT.insert, ARTIFACT.values(conn, made))
    if made.key is not None:
        row = ArtifactCollection(id=new_id(), created=now, updated=now, key=made.key, latest_id=made.id)
        conn.run(COLLECTION.insert + Q.is_newest, COLLECTION.values(conn, row))
    _tell(conn, made)
    return made


def get(conn: Conn, id: str) -> Artifact | None:
    row = conn.one(FIND, {"id": id})
    return ARTIFACT.read(conn, row) if row else None


def latest(conn: Conn, key: str) -> ArtifactCollection | None:
    """The collection of a key, with its newest artifact."""
    row = conn.one(LATEST, {"key": key})
    return _collection(conn, row) if row else None


def filter(
    conn: Conn,
    criteria: ArtifactFilter | None,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    offset: int = 0,
) -> list[Artifact]:
    """The artifacts that meet the filters, newest first unless sorted otherwise."""
    condition = where_artifacts(conn, "artifact", criteria, filters)
    return ARTIFACT.read_all(conn, paging.rows(conn, LISTING, condition, sort, limit, offset))


def count(conn: Conn, criteria: ArtifactFilter | None = None, filters: Filters | None = None) -> int:
    return paging.count(conn, "artifact", where_artifacts(conn, "artifact", criteria, filters))


def page(
    conn: Conn, criteria: ArtifactFilter | None, limit: int, after: str | None
) -> tuple[list[Artifact], str | None]:
    """The artifacts that come after a key of the page before, newest first, and the key of the next page."""
    condition = where_artifacts(conn, "artifact", criteria, None)
    rows, key = paging.page(conn, LISTING, condition, "ID_DESC", limit, after)
    return ARTIFACT.read_all(conn, rows), key


def newest(
    conn: Conn,
    criteria: ArtifactCollectionFilter | None,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    offset: int = 0,
) -> list[ArtifactCollection]:
    """The collections that meet the filters, each with its newest artifact."""
    condition = where_artifacts(conn, "artifact_collection", criteria, filters)
    rows = paging.rows(conn, NEWEST_LISTING, condition, sort, limit, offset)
    return [_collection(conn, row) for row in rows]


def count_newest(
    conn: Conn, criteria: ArtifactCollectionFilter | None = None, filters: Filters | None = None
) -> int:
    condition = where_artifacts(conn, "artifact_collection", criteria, filters)
    return paging.count(conn, "artifact_collection", condition)


def page_of_newest(
    conn: Conn, criteria: ArtifactCollectionFilter | None, limit: int, after: str | None
) -> tuple[list[ArtifactCollection], str | None]:
    """The collections after a key of the page before, those that changed last first, and the next key."""
    condition = where_artifacts(conn, "artifact_collection", criteria, None)
    rows, key = paging.page(conn, NEWEST_LISTING, condition, "UPDATED_DESC", limit, after)
    return [_collection(conn, row) for row in rows], key


def update(conn: Conn, id: str, wanted: ArtifactUpdate, now: datetime) -> None:
    """Change what is given; the collection of the newest artifact is changed with it."""
    found = get(conn, id)
    if found is None or not changes.apply(conn, "artifact", id, changes.given(wanted), now):
        raise NotFound("Artifact not found")
    if found.key is not None:
        conn.run(Q.touch, {"id": id, "now": conn.time(now)})
    _tell(conn, found)


def delete(conn: Conn, id: str) -> None:
    """Delete an artifact; the one before it is the newest of its key then."""
    if not _delete(conn, Q.one, {"id": id}):
        raise NotFound("Artifact not found")


def delete_of_flow_run(conn: Conn, id: str) -> None:
    """Delete what a flow run and its tasks left."""
    _delete(conn, Q.of_flow_run, {"id": id})


def delete_of_task_runs(conn: Conn, ids: list[str]) -> None:
    """Delete what some task runs left."""
    _delete(conn, Q.of_task_runs, {"ids": json_text(ids)})


def delete_of_flow(conn: Conn, id: str) -> None:
    """Delete what the runs of a flow left."""
    _delete(conn, Q.of_flow, {"id": id})


def _delete(conn: Conn, which: str, values: Params) -> int:
    """Delete some artifacts and set their collections right. The rows of those are locked first, so that an artifact
    that is made meanwhile is either seen here or comes after."""
    found = conn.all(which, values)
    if not found:
        return 0
    ids, keys = [row[0] for row in found], sorted({row[1] for row in found if row[1] is not None})
    params = {"keys": json_text(keys)}
    if keys:
        conn.all(Q.lock_collections, params)
    number = conn.run(Q.delete, {"ids": json_text(ids)})
    if keys:
        conn.run(Q.step_back, params)
        conn.run(Q.drop_empty, params)
    return number


def _tell(conn: Conn, artifact: Artifact) -> None:
    """The page of the run shows its artifacts."""
    if artifact.flow_run_id is not None:
        conn.publish(f"run:{artifact.flow_run_id}")


def _collection(conn: Conn, row: Row) -> ArtifactCollection:
    found = ARTIFACT.read(conn, row[COLLECTION.width :])
    return COLLECTION.read(
        conn,
        row,
        type=found.type,
        description=found.description,
        data=found.data,
        metadata_=found.metadata_,
        flow_run_id=found.flow_run_id,
        task_run_id=found.task_run_id,
    )
