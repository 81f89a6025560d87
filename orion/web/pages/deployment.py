"""The page of one deployment: its run form, typed in fields or as JSON, and the run that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from starlette.datastructures import FormData

from orion.errors import Invalid
from orion.model.deployments import Deployment, DeploymentFlowRunCreate
from orion.model.ids import new_id
from orion.model.states import StateCreate, StateDetails
from orion.store import flow_runs
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.display import json_block, viewer
from orion.web.handlers import deployments as api
from orion.web.pages import deployments
from orion.web.pages.run_form import Form, command, differing, keep_typed
from orion.web.pages.shared import gather, here, see

TEMPLATE = "deployments/show.html#page"


@dataclass
class Typed:
    """What stands in the run form: the parameters, how they are written, and what is wrong with them."""

    values: Mapping[str, Any]
    view: str = "form"
    errors: dict[str, str] = field(default_factory=dict)
    json_text: str | None = None
    start: str = ""
    name: str = ""
    key: str = field(default_factory=new_id)
    sent: FormData = field(default_factory=FormData)


async def show(call: Call) -> Reply:
    """Show a deployment, with the run form filled by its defaults or by the parameters of a run."""
    now = see(call)
    view = "json" if call.query.get("view") == "json" else "form"
    data = await gather(call, _page, call.path["id"], now, call.query.get("from", ""), view)
    return Reply({**data, "now": now, "here": here(call)}, TEMPLATE)


async def run(call: Call) -> Reply:
    """Make a run of the form, or of the defaults; a form with faults comes back with all of them."""
    now = see(call)
    deployment = await gather(call, deployments.read, call.path["id"], now)
    if call.form.get("quick"):
        return await _start(call, DeploymentFlowRunCreate())
    typed = _typed(deployment, call.form)
    if call.form.get("switch") in ("form", "json"):
        typed.view, typed.json_text = str(call.form["switch"]), None
        return await _again(call, deployment, typed, 200)
    if not typed.errors:
        try:
            return await _start(call, _body(typed))
        except (Invalid, ValueError) as error:
            typed.errors["json" if typed.view == "json" else "p"] = getattr(error, "message", str(error))
    return await _again(call, deployment, typed, 422)


async def _start(call: Call, body: DeploymentFlowRunCreate) -> Reply:
    call.body = body
    made = await api.create_run(call)
    run = made.data
    if not call.form.get("quick"):
        return Reply(run, status=201, location=f"runs/{run.id}")
    toast = {"text": f"Started {run.name}", "href": f"runs/{run.id}"}
    return Reply(run, status=201, location=f"runs/{run.id}", trigger={"toast": toast, "runs": {}})


async def _again(call: Call, deployment: Deployment, typed: Typed, status: int) -> Reply:
    data = await gather(call, _shown, deployment, typed, call.now)
    return Reply({**data, "now": call.now, "here": f"deployments/{deployment.id}"}, TEMPLATE, status=status)


def _page(conn: Conn, id: str, now: datetime, source: str, view: str) -> dict[str, Any]:
    deployment = deployments.read(conn, id, now)
    run = flow_runs.get(conn, source) if source else None
    values = _object(run.parameters) if run else {}
    return _shown(conn, deployment, Typed({**_object(deployment.parameters), **values}, view), now)


def _shown(conn: Conn, deployment: Deployment, typed: Typed, now: datetime) -> dict[str, Any]:
    form = Form(_object(deployment.parameter_openapi_schema))
    defaults = {**form.defaults(), **_object(deployment.parameters)}
    values = {**defaults, **typed.values}
    fields = form.fields(values, defaults, typed.errors)
    keep_typed(fields, typed.sent)
    page = deployments.overview(conn, deployment, now)
    return page | {
        "fields": fields,
        "changed": differing(fields),
        "view": typed.view if fields or typed.view == "json" else "form",
        "json_text": json_block(values) if typed.json_text is None else typed.json_text,
        "json_error": typed.errors.get("json", ""),
        "form_error": typed.errors.get("p", ""),
        "command": command(f"{page['flow_name']}/{deployment.name}", values, defaults),
        "start": typed.start,
        "run_name": typed.name,
        "key": typed.key,
    }


def _typed(deployment: Deployment, form: FormData) -> Typed:
    """The form as it was sent."""
    typed = Typed({}, start=str(form.get("start", ""))[:40], name=str(form.get("name", "")).strip()[:200])
    typed.key, typed.sent = str(form.get("idempotency_key") or typed.key)[:200], form
    if "json" not in form:
        typed.values, typed.errors = Form(_object(deployment.parameter_openapi_schema)).read(form)
        return typed
    typed.view, typed.json_text = "json", str(form["json"])
    try:
        typed.values = msgspec.json.decode(typed.json_text, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        typed.errors["json"] = f"Write a JSON object with the parameters: {error}."
    return typed


def _body(typed: Typed) -> DeploymentFlowRunCreate:
    state = None
    if typed.start:
        at = datetime.fromisoformat(typed.start)
        at = at if at.tzinfo else at.replace(tzinfo=viewer.get().zone)
        state = StateCreate(type="SCHEDULED", state_details=StateDetails(scheduled_time=at))
    return DeploymentFlowRunCreate(
        parameters=msgspec.Raw(msgspec.json.encode(typed.values)),
        name=typed.name or None,
        state=state,
        idempotency_key=f"form {typed.key}",
    )


def _object(raw: msgspec.Raw) -> dict[str, Any]:
    value = msgspec.json.decode(raw) if bytes(raw) else None
    return value if isinstance(value, dict) else {}
