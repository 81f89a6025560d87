"""Applying: from a description to a deployment of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orion.deployments.building import check_name
from orion.deployments.checking import check_parameters, check_variables
from orion.deployments.files import DeploymentFile
from orion.deployments.options import Collision
from orion.errors import Invalid, NotFound
from orion.model.deployments import Deployment, DeploymentCreate, DeploymentScheduleCreate, options_of
from orion.model.schedule_times import check
from orion.model.schedules import from_dict
from orion.model.times import utcnow
from orion.model.wire import raw
from orion.sdk.client import SyncClient
from orion.sdk.errors import ObjectNotFound

CATCHUP_LABEL = "orion.catchup"
OVERLAPS: dict[str, Collision] = {"queue": "ENQUEUE", "skip": "CANCEL_NEW", "cancel-previous": "CANCEL_OLD"}


def apply(deployment: DeploymentFile, client: SyncClient | None = None) -> Deployment:
    """Make or update the deployment, by the names of its flow and its own; its runs are planned at once."""
    complete = ready(deployment)
    if client is not None:
        return _send(complete, client)
    with SyncClient() as own:
        return _send(complete, own)


def ready(deployment: DeploymentFile) -> DeploymentFile:
    """The deployment with what the code knows, refused if it could not be applied."""
    check_name(deployment.name)
    complete = _completed(deployment)
    check_parameters(complete.parameters, complete.parameter_openapi_schema)
    check_variables(complete.job_variables)
    _limits(complete)
    for field, schedule in _named(complete):
        try:
            check(from_dict(_schedule(schedule).schedule), utcnow())
        except Invalid as error:
            raise Invalid(f"{field}: {error.message}") from None
    return complete


def _send(deployment: DeploymentFile, client: SyncClient) -> Deployment:
    flow = client.create_flow(deployment.flow_name)
    body = _body(deployment, flow.id)
    body.infrastructure_document_id = _block(deployment.infrastructure, "infrastructure", client)
    body.storage_document_id = _block(deployment.storage, "storage", client)
    saved: Deployment = client.create_deployment(body)
    return saved


EXAMPLES = {"infrastructure": "docker-container/main", "storage": "s3/prod"}


def _block(name: str | None, what: str, client: SyncClient) -> str | None:
    """The id of a saved block, named `type/name`; None for none."""
    if not name:
        return None
    slug, slash, own = name.partition("/")
    if not slash:
        raise Invalid(f"The {what} {name!r} is no name of a block: write it like {EXAMPLES[what]}.")
    try:
        document: str = client.read_block_document_by_name(slug, own).id
    except ObjectNotFound:
        raise NotFound(
            f"There is no block {name!r} for the {what}: save it first, or name another."
        ) from None
    return document


def _completed(deployment: DeploymentFile) -> DeploymentFile:
    """A file written by hand may leave out what the code knows."""
    if deployment.flow_name and deployment.parameter_openapi_schema:
        return deployment
    from tempfile import TemporaryDirectory

    from orion.deployments.building import build
    from orion.deployments.storing import fetched

    with TemporaryDirectory(prefix="orion-code-") as folder:
        made = build(
            f"{fetched(deployment, Path(folder))}/{deployment.entrypoint}", parameters=deployment.parameters
        )
    deployment.flow_name = deployment.flow_name or made.flow_name
    deployment.description = deployment.description or made.description
    deployment.version = deployment.version or made.version
    deployment.parameter_openapi_schema = made.parameter_openapi_schema
    return deployment


def _body(deployment: DeploymentFile, flow_id: str) -> DeploymentCreate:
    labels = {CATCHUP_LABEL: deployment.catchup} if deployment.catchup else {}
    return DeploymentCreate(
        name=deployment.name,
        flow_id=flow_id,
        version=deployment.version,
        description=deployment.description,
        schedules=[_schedule(schedule) for schedule in _schedules(deployment)],
        paused=deployment.paused,
        parameters=raw(deployment.parameters),
        tags=deployment.tags,
        labels=raw(labels),
        work_queue_name=deployment.work_queue_name,
        job_variables=raw(deployment.job_variables),
        path=deployment.path,
        entrypoint=deployment.entrypoint,
        manifest_path=deployment.manifest_path,
        parameter_openapi_schema=raw(deployment.parameter_openapi_schema),
        enforce_parameter_schema=False,
        **_limits(deployment),
    )


def _limits(deployment: DeploymentFile) -> dict[str, Any]:
    """How many runs at one time, and what becomes of one too many; an overlap policy is a limit of one."""
    limit, strategy = deployment.concurrency_limit, deployment.collision_strategy
    if deployment.overlap is not None and (limit is not None or strategy is not None):
        raise Invalid("Give a deployment either an overlap policy or a concurrency limit with its strategy.")
    if deployment.overlap in OVERLAPS:
        limit, strategy = 1, OVERLAPS[deployment.overlap]
    if strategy is not None and limit is None:
        raise Invalid("A collision strategy belongs to a concurrency limit: give the deployment both.")
    return {
        "concurrency_limit": limit,
        "concurrency_options": raw(options_of(strategy)) if strategy else None,
    }


def _schedules(deployment: DeploymentFile) -> list[dict[str, Any]]:
    return [schedule for _, schedule in _named(deployment)]


def _named(deployment: DeploymentFile) -> list[tuple[str, dict[str, Any]]]:
    """The schedules, each with the field that it stands in."""
    one = [("schedule", deployment.schedule)] if deployment.schedule else []
    return one + [(f"schedules[{place}]", each) for place, each in enumerate(deployment.schedules)]


def _schedule(given: dict[str, Any]) -> DeploymentScheduleCreate:
    """`{cron: ...}` alone, or with `active` and `parameters` of its own."""
    own = dict(given)
    active, parameters = own.pop("active", True), own.pop("parameters", None)
    return DeploymentScheduleCreate(
        schedule=own, active=active, parameters=raw(parameters) if parameters else None
    )
