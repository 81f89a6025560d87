"""Editing a deployment: what it says of itself, its schedules, defaults and limits; and making another one like it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from starlette.datastructures import FormData

from orion.errors import Conflict, Invalid, OrionError
from orion.model.deployments import (
    Deployment,
    DeploymentCreate,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    options_of,
    strategy_of,
)
from orion.model.wire import raw
from orion.services.catching_up import CATCHUP_LABEL
from orion.store import console
from orion.store import deployments as db
from orion.store.base import Conn
from orion.store.secret_fields import keep_masked
from orion.web.call import Call, Reply
from orion.web.display import json_block
from orion.web.handlers import deployment_schedules as schedule_api
from orion.web.handlers import deployments as api
from orion.web.pages import deployments, schedule_form, shown_parameters
from orion.web.pages.form_rows import edited
from orion.web.pages.form_secrets import stands
from orion.web.pages.run_form import Form
from orion.web.pages.run_request import object_of
from orion.web.pages.shared import found, gather, see
from orion.web.parse import typed_json

TEMPLATE = "deployments/edit.html#form"
STRATEGIES = (
    ("", "wait until one ends"),
    ("CANCEL_NEW", "cancel the new run"),
    ("CANCEL_OLD", "cancel the oldest"),
)
CATCHUP = (
    ("", "as the server is set"),
    ("latest", "run the newest, skip the others"),
    ("all", "run all of them"),
    ("none", "skip them all"),
)


@dataclass
class Values:
    """What stands in the form."""

    description: str
    tags: str
    queue: str
    limit: str
    strategy: str
    catchup: str
    parameters: str
    enforce: bool


async def show(call: Call) -> Reply:
    """Show a deployment in its form."""
    now = see(call)
    deployment = await gather(call, deployments.read, call.path["id"], now)
    rows = schedule_form.rows_of(deployment)
    return await _form(call, deployment, _values_of(deployment), rows, {})


async def save(call: Call) -> Reply:
    """Save the form; one of its small buttons only shows it again, and so does a fault."""
    now = see(call)
    deployment = await gather(call, deployments.read, call.path["id"], now)
    sent = edited(call.form)
    values, rows = _typed(sent), schedule_form.rows_in(sent)
    right = schedule_form.checked(rows, now)
    if any(call.form.get(name) for name in ("add", "drop", "preview")):
        return await _form(call, deployment, values, rows, {})
    body, errors = _body(deployment, values)
    if right and not errors:
        try:
            body.schedules = schedule_form.wanted(rows, deployment)
            call.body = body
            return await api.update(call)
        except (Invalid, Conflict) as error:
            errors["form"] = error.message
    return await _form(call, deployment, values, rows, errors, 422)


async def clone(call: Call) -> Reply:
    """Make another deployment of the flow like this one, with its schedules off."""
    now, name = see(call), str(call.form.get("name", "")).strip()
    deployment = await gather(call, deployments.read, call.path["id"], now)
    if await call.store.read(_taken, deployment, name, now):
        error = {"clone": f"The flow has a deployment named {name!r} already."}
        rows = schedule_form.rows_of(deployment)
        return await _form(call, deployment, _values_of(deployment), rows, error, 409, name)
    try:
        call.body = _copy(deployment, name)
        made = await api.create(call)
    except (OrionError, msgspec.ValidationError) as error:
        said = {"clone": getattr(error, "message", None) or str(error)}
        rows = schedule_form.rows_of(deployment)
        return await _form(call, deployment, _values_of(deployment), rows, said, 422, name)
    copy = shown_parameters.of_deployment(made.data)
    return Reply(copy, status=201, location=f"deployments/{made.data.id}/edit")


async def switch(call: Call) -> Reply:
    """Switch one schedule of a deployment on or off; the others stay."""
    deployment = await gather(call, deployments.read, call.path["id"], see(call))
    schedule = next((each for each in deployment.schedules if each.id == call.path["schedule_id"]), None)
    call.body = DeploymentScheduleUpdate(active=not found(schedule, "schedule").active)
    await schedule_api.update(call)
    words = "Schedule on" if call.body.active else "Schedule off: its planned runs are gone"
    toast = {"toast": {"text": words}, "deployments": {}}
    return Reply(None, trigger=toast, location=f"deployments/{deployment.id}")


async def _form(
    call: Call,
    deployment: Deployment,
    values: Values,
    rows: list[schedule_form.Row],
    errors: dict[str, str],
    status: int = 200,
    clone_name: str = "",
) -> Reply:
    schedule_form.checked(rows, call.now)
    data = await gather(call, _shown, deployment)
    shown = {
        **data,
        "deployment": shown_parameters.of_deployment(deployment),
        "values": values,
        "rows": rows,
        "errors": errors,
        "clone_name": clone_name or f"{deployment.name}-copy",
        "kinds": schedule_form.KINDS,
        "units": list(schedule_form.UNITS),
        "zones": schedule_form.zones(),
        "strategies": STRATEGIES,
        "catchups": CATCHUP,
        "now": call.now,
    }
    return Reply(shown, TEMPLATE, status=status)


def _shown(conn: Conn, deployment: Deployment) -> dict[str, Any]:
    names = console.flow_names(conn, [deployment.flow_id])
    return {"flow_name": names.get(deployment.flow_id, "?"), "queues": console.queue_names(conn)}


def _values_of(deployment: Deployment) -> Values:
    options, limit = object_of(deployment.concurrency_options), deployment.concurrency_limit
    strategy = strategy_of(options)
    return Values(
        description=deployment.description or "",
        tags=", ".join(deployment.tags),
        queue=deployment.work_queue_name or "",
        limit="" if limit is None else str(limit),
        strategy="" if strategy == "ENQUEUE" else strategy,
        catchup=str(object_of(deployment.labels).get(CATCHUP_LABEL) or ""),
        parameters=json_block(object_of(shown_parameters.of_deployment(deployment).parameters)),
        enforce=deployment.enforce_parameter_schema,
    )


def _typed(form: FormData) -> Values:
    names = ("description", "tags", "queue", "limit", "strategy", "catchup", "parameters")
    said = {name: str(form.get(name, "")).replace("\r\n", "\n").strip() for name in names}
    return Values(**said, enforce=form.getlist("enforce")[-1:] == ["on"])


def _body(deployment: Deployment, values: Values) -> tuple[DeploymentUpdate, dict[str, str]]:
    """The change that the form means, and what is wrong with it by field."""
    errors: dict[str, str] = {}
    limit, parameters = None, {}
    if values.limit:
        if values.limit.isdecimal() and len(values.limit) < 10:
            limit = int(values.limit)
        else:
            errors["limit"] = "Write a whole number, or nothing for no limit."
    try:
        parameters = _defaults(deployment, values, errors)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        errors["parameters"] = f"Write a JSON object: {error}."
    labels = {name: value for name, value in object_of(deployment.labels).items() if name != CATCHUP_LABEL}
    if values.catchup in dict(CATCHUP) and values.catchup:
        labels[CATCHUP_LABEL] = values.catchup
    options = options_of(values.strategy or "ENQUEUE") if limit is not None else None
    body = DeploymentUpdate(
        description=values.description or None,
        tags=[tag for part in values.tags.split(",") if (tag := part.strip())],
        work_queue_name=values.queue or None,
        concurrency_limit=limit,
        concurrency_options=None if options is None else raw(options),
        parameters=raw(parameters),
        labels=raw(labels),
        enforce_parameter_schema=values.enforce,
    )
    return body, errors


def _defaults(deployment: Deployment, values: Values, errors: dict[str, str]) -> dict[str, Any]:
    """The default parameters that were typed, with the secrets that asterisks stand for."""
    form = Form(object_of(deployment.parameter_openapi_schema))
    typed = typed_json(values.parameters or "{}", dict[str, Any])
    held = object_of(deployment.parameters)
    shown = form.masked(held)
    kept: dict[str, Any] = keep_masked(typed, held, shown)
    if unclear := sorted(name for name in form.secrets & kept.keys() if stands(kept[name])):
        errors["parameters"] = f"Type the secrets of {', '.join(unclear)} again: nobody knows which are meant."
    anew = [name for name, value in form.masked(typed).items() if value != typed[name]]
    values.parameters = json_block({name: shown.get(name) if name in anew else typed[name] for name in typed})
    return kept


def _taken(conn: Conn, deployment: Deployment, name: str, now: datetime) -> bool:
    flow = console.flow_names(conn, [deployment.flow_id]).get(deployment.flow_id, "")
    return db.by_name(conn, flow, name, now) is not None


def _copy(deployment: Deployment, name: str) -> DeploymentCreate:
    """The same deployment under another name; its schedules come along switched off."""
    kept = (
        "version", "description", "parameters", "tags", "labels", "work_queue_name", "parameter_openapi_schema", "path",
        "pull_steps", "entrypoint", "manifest_path", "storage_document_id", "infrastructure_document_id",
        "enforce_parameter_schema", "concurrency_limit", "concurrency_options", "job_variables",
    )  # fmt: skip
    same = {each: getattr(deployment, each) for each in kept}
    return msgspec.convert(
        {
            **same,
            "name": name,
            "flow_id": deployment.flow_id,
            "paused": True,
            "schedules": [
                DeploymentScheduleCreate(
                    schedule=msgspec.json.decode(each.schedule),
                    active=each.active,
                    max_active_runs=each.max_active_runs,
                    max_scheduled_runs=each.max_scheduled_runs,
                    catchup=each.catchup,
                    parameters=each.parameters,
                    slug=each.slug,
                )
                for each in deployment.schedules
            ],
        },
        DeploymentCreate,
    )
