"""What stands in the run form of a deployment: as it was sent, as fields, and as the request that it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from starlette.datastructures import FormData

from orion.errors import Conflict
from orion.model.deployments import Deployment, DeploymentFlowRunCreate
from orion.model.flow_runs import FlowRun
from orion.model.ids import new_id
from orion.model.states import StateCreate, StateDetails
from orion.store import console
from orion.store.base import Conn
from orion.web.display import json_block, viewer
from orion.web.pages.form_rows import edited
from orion.web.pages.form_secrets import stands
from orion.web.pages.run_form import (
    AGAIN,
    Field,
    Form,
    changed,
    command,
    differing,
    forget_secrets,
    keep_typed,
)
from orion.web.parameters import faults
from orion.web.parse import typed_json

BUTTONS = ("add", "drop", "reset", "preview")


@dataclass
class Typed:
    """The parameters, how they are written, and what is wrong with them."""

    values: Mapping[str, Any]
    view: str = "form"
    errors: dict[str, str] = field(default_factory=dict)
    json_text: str | None = None
    start: str = ""
    name: str = ""
    key: str = field(default_factory=new_id)
    sent: FormData = field(default_factory=FormData)
    source: str = ""  # the run whose parameters filled the form
    held: Mapping[str, Any] = field(default_factory=dict)  # what secrets are that are left blank
    written: Mapping[str, Any] = field(default_factory=dict)  # the JSON as it was written


def object_of(raw: msgspec.Raw) -> dict[str, Any]:
    """Opaque JSON as a dictionary; anything else counts as empty."""
    value = msgspec.json.decode(raw) if bytes(raw) else None
    return value if isinstance(value, dict) else {}


def read(deployment: Deployment, form: FormData, source: FlowRun | None = None) -> Typed:
    """The form as it was sent, with the faults that the API would find; secrets left blank are those of `source`."""
    typed = Typed({}, start=str(form.get("start", ""))[:40], name=str(form.get("name", "")).strip()[:200])
    typed.key, typed.sent = str(form.get("idempotency_key") or typed.key)[:200], edited(form)
    own = Form(object_of(deployment.parameter_openapi_schema))
    if "json" in form:
        _read_json(typed, str(form["json"]))
    else:
        typed.values, typed.errors = own.read(typed.sent)
    typed.source, typed.held = source.id if source else "", held(deployment, source)
    typed.written = typed.values if "json" in form else {}
    typed.values = own.kept(typed.values, typed.held)
    _check_masks(own, typed)
    _check(deployment, typed)
    return typed


def _check_masks(form: Form, typed: Typed) -> None:
    """Asterisks that stand for no secret any more are nothing to run with."""
    for name in form.secrets & typed.values.keys():
        if stands(typed.values[name]):
            typed.errors.setdefault(f"p.{name}", "Type its secrets again: nobody knows which of them are meant.")


def held(deployment: Deployment, source: FlowRun | None) -> dict[str, Any]:
    """What the form was filled with: the parameters of the deployment, and over them those of a run of it."""
    return {**object_of(deployment.parameters), **(object_of(source.parameters) if source else {})}


def _read_json(typed: Typed, text: str) -> None:
    typed.view, typed.json_text = "json", text
    try:
        typed.values = typed_json(text, dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        typed.errors["json"] = f"Write a JSON object with the parameters: {error}."


def _check(deployment: Deployment, typed: Typed) -> None:
    """Add what the API's own check finds, where the deployment asks for it; and whether the start is a time."""
    try:
        _moment(typed.start)
    except ValueError:
        typed.errors["start"] = "Write a date and time, such as 2026-11-22 14:30."
    if not deployment.enforce_parameter_schema or typed.errors.get("json"):
        return
    schema = bytes(deployment.parameter_openapi_schema)
    if schema in (b"", b"null", b"{}"):
        return
    try:
        found = faults({**object_of(deployment.parameters), **typed.values}, schema, whole=True)
    except Conflict:
        return  # the request itself is answered with it
    for path, fault in found.items():
        typed.errors.setdefault(f"p.{path}", f"{fault[:1].upper()}{fault[1:]}")


def forgiving(typed: Typed) -> None:
    """While somebody still types, an empty field is no fault yet."""
    typed.errors = {
        path: fault for path, fault in typed.errors.items() if path not in typed.sent or str(typed.sent[path])
    }
    typed.errors = {path: fault for path, fault in typed.errors.items() if path in typed.sent}


def body(typed: Typed) -> DeploymentFlowRunCreate:
    """The request that the form means."""
    state, at = None, _moment(typed.start)
    if at is not None:
        state = StateCreate(type="SCHEDULED", state_details=StateDetails(scheduled_time=at))
    return DeploymentFlowRunCreate(
        parameters=msgspec.Raw(msgspec.json.encode(typed.values)),
        name=typed.name or None,
        state=state,
        idempotency_key=f"form {typed.key}",
    )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=viewer.get().zone)


def shown(conn: Conn, deployment: Deployment, flow_name: str, typed: Typed) -> dict[str, Any]:
    """The form as its page draws it."""
    form = Form(object_of(deployment.parameter_openapi_schema))
    defaults = {**form.defaults(), **object_of(deployment.parameters)}
    values = {**defaults, **typed.values}
    anew, errors = _anew(form, typed), dict(typed.errors)
    errors |= {f"p.{name}": f"{name}: {AGAIN}" if typed.view == "json" else AGAIN for name in anew}
    fields = form.fields(values, defaults, errors)
    errors = placed(fields, errors)
    fields = form.fields(values, defaults, errors)
    keep_typed(fields, typed.sent)
    if not typed.sent.get("preview"):  # which leaves fields of secrets as they stand in the browser
        forget_secrets(fields, typed.sent, form.fields({**defaults, **typed.held}, defaults))
    masked = form.masked(values)
    unsaid = [name for name in changed(values, defaults) if masked[name] != values[name]]
    said = {name: value for name, value in values.items() if name not in unsaid}
    json_text = (
        json_block(form.masked(form.kept(masked, typed.held)))
        if typed.json_text is None
        else _json_again(form, typed, anew)
    )
    return {
        "fields": fields,
        "documents": {slug: console.documents_of_type(conn, slug) for slug in slugs(fields)},
        "changed": differing(fields),
        "view": typed.view if fields or typed.view == "json" else "form",
        "json_text": json_text,
        "secret": bool(form.secrets),
        "json_errors": [fault for path, fault in errors.items() if path not in ("start",)],
        "form_error": errors.get("p", ""),
        "first_error": first_fault(fields),
        "start_error": errors.get("start", ""),
        "command": command(f"{flow_name}/{deployment.name}", said, defaults, _when(typed)),
        "unsaid": unsaid,
        "source": typed.source,
        "start": typed.start,
        "run_name": typed.name,
        "key": typed.key,
    }


def _anew(form: Form, typed: Typed) -> list[str]:
    """The parameters into whose JSON a secret was written that a page may not repeat."""
    if "json" not in typed.sent or typed.sent.get("preview"):  # what is only looked at stays in the browser
        return []
    seen = form.masked(typed.written)
    return [name for name, value in typed.written.items() if seen[name] != value]


def _json_again(form: Form, typed: Typed, anew: list[str]) -> str:
    """The JSON as it was written; in the place of a secret that was written the page shows what is held."""
    if not anew or typed.json_text is None:
        return typed.json_text or ""
    held = form.masked(typed.held)
    shown = {name: held.get(name) if name in anew else value for name, value in typed.written.items()}
    return json_block({name: value for name, value in shown.items() if name not in anew or name in held})


def _when(typed: Typed) -> dict[str, str]:
    """The start and the name as options of the command; a start that is no time is none."""
    at = None if "start" in typed.errors else _moment(typed.start)
    return {"--start-at": at.isoformat() if at else "", "--name": typed.name}


def placed(fields: Sequence[Field], errors: Mapping[str, str]) -> dict[str, str]:
    """Each fault at the nearest field that is drawn; what belongs to none is said above them all."""
    known, made = paths(fields), dict[str, str]()
    for path, fault in errors.items():
        while path.startswith("p.") and path not in known:
            path = path.rpartition(".")[0]
        made.setdefault(path, fault)
    return made


def paths(fields: Sequence[Field]) -> set[str]:
    """The paths of all fields, also those within others."""
    return {each.path for each in fields}.union(*(paths(each.parts) for each in fields))


def slugs(fields: Sequence[Field]) -> set[str]:
    """The block types of which documents can be chosen."""
    return {each.slug for each in fields if each.slug}.union(*(slugs(each.parts) for each in fields))


def first_fault(fields: Sequence[Field]) -> str:
    """The path of the first field that is wrong, where the cursor goes."""
    for each in fields:
        if each.error:
            return each.path
        if inner := first_fault(each.parts):
            return inner
    return ""
