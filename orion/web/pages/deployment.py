"""The page of one deployment: its run form, typed in fields or as JSON, and the run that comes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.errors import Invalid
from orion.model.deployments import Deployment, DeploymentFlowRunCreate
from orion.model.flow_runs import FlowRun
from orion.model.ids import is_id
from orion.store import flow_runs
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.handlers import deployments as api
from orion.web.pages import deployments, run_request, shown_parameters
from orion.web.pages.run_request import BUTTONS, Typed
from orion.web.pages.shared import blocks_in_words, gather, here, see

TEMPLATE = "deployments/show.html#page"


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
    source = await gather(call, _source, deployment.id, str(call.form.get("from", "")))
    typed = run_request.read(deployment, call.form, source)
    if call.form.get("switch") in ("form", "json"):
        typed.view, typed.json_text = str(call.form["switch"]), None
        run_request.forgiving(typed)
        return await _again(call, deployment, typed, 200)
    if any(call.form.get(name) for name in BUTTONS):
        run_request.forgiving(typed)
        return await _again(call, deployment, typed, 200)
    if not typed.errors:
        try:
            return await _start(call, run_request.body(typed))
        except (Invalid, ValueError) as error:
            typed.errors["p"] = getattr(error, "message", str(error))
    return await _again(call, deployment, typed, 422)


async def _start(call: Call, body: DeploymentFlowRunCreate) -> Reply:
    call.body = body
    run = await gather(call, shown_parameters.of_run, (await api.create_run(call)).data)
    if not call.form.get("quick"):
        return Reply(run, status=201, location=f"runs/{run.id}")
    toast = {"text": f"Started {run.name}", "href": f"runs/{run.id}"}
    return Reply(run, status=201, location=f"runs/{run.id}", trigger={"toast": toast, "runs": {}})


async def _again(call: Call, deployment: Deployment, typed: Typed, status: int) -> Reply:
    data = await gather(call, _shown, deployment, typed, call.now)
    return Reply({**data, "now": call.now, "here": f"deployments/{deployment.id}"}, TEMPLATE, status=status)


def _page(conn: Conn, id: str, now: datetime, source: str, view: str) -> dict[str, Any]:
    deployment = deployments.read(conn, id, now)
    run = _source(conn, id, source)
    held = run_request.held(deployment, run)
    typed = Typed(held, view, source=run.id if run else "", held=held)
    return _shown(conn, deployment, typed, now)


def _source(conn: Conn, deployment_id: str, id: str) -> FlowRun | None:
    """The run of the deployment whose parameters fill the form, if one is named."""
    run = flow_runs.get(conn, id.lower()) if is_id(id) else None
    return run if run and run.deployment_id == deployment_id else None


def _shown(conn: Conn, deployment: Deployment, typed: Typed, now: datetime) -> dict[str, Any]:
    page = deployments.overview(conn, deployment, now) | {"held": _blocks(conn, deployment)}
    return page | run_request.shown(conn, deployment, page["flow_name"], typed)


def _blocks(conn: Conn, deployment: Deployment) -> list[tuple[str, str, str]]:
    """The blocks that the deployment names, by id and in words: where its code is kept, and where its runs run."""
    named = (
        ("Storage", deployment.storage_document_id),
        ("Infrastructure", deployment.infrastructure_document_id),
    )
    return blocks_in_words(conn, named)
