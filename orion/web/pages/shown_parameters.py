"""Parameters as pages may show them: what the schema of their flow calls a secret is masked."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from orion.model.deployments import Deployment
from orion.model.flow_runs import FlowRun
from orion.store import secret_schemas
from orion.store.base import Conn
from orion.store.secret_schemas import knows_secrets
from orion.web.pages.run_form import Form

NOT_SHOWN = msgspec.Raw(b"null")


def of_run(conn: Conn, run: FlowRun) -> FlowRun:
    """The run as a page shows it: by what any deployment of its flow calls a secret, or has called one."""
    if bytes(run.parameters) in (b"", b"{}", b"null"):
        return run
    return replace(run, parameters=masked(run.parameters, secret_schemas.of_flow(conn, run.flow_id)))


def of_deployment(deployment: Deployment) -> Deployment:
    """The deployment as a page shows it, its schedules too."""
    schema = bytes(deployment.parameter_openapi_schema)
    if not knows_secrets(schema):
        return deployment
    schedules = [
        replace(each, parameters=masked(each.parameters, [schema])) for each in deployment.schedules
    ]
    return replace(deployment, parameters=masked(deployment.parameters, [schema]), schedules=schedules)


def masked(parameters: msgspec.Raw, schemas: Iterable[bytes | str]) -> msgspec.Raw:
    """Parameters with asterisks for what one of the schemas calls a secret."""
    for schema in schemas:
        text = schema.encode() if isinstance(schema, str) else schema
        values = msgspec.json.decode(parameters) if knows_secrets(text) and bytes(parameters) else None
        if isinstance(values, dict):
            parameters = msgspec.Raw(msgspec.json.encode(Form(msgspec.json.decode(text)).masked(values)))
    return parameters
