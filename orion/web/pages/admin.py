"""Settings, health, search, the way in, and the theme."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orion.model.filters import (
    DeploymentFilter,
    Filters,
    FlowFilter,
    FlowRunFilter,
    IdCriterion,
    NameCriterion,
)
from orion.model.flow_runs import FlowRun
from orion.services import health as duties
from orion.settings import SETTINGS
from orion.store import console, deployments, flow_runs, flows, metrics, task_runs
from orion.store.base import Conn
from orion.store.conditions import Literal
from orion.web.call import Call, Reply
from orion.web.display import look_of, size_words
from orion.web.pages import run_views
from orion.web.pages.shared import api_url, gather, here, see
from orion.web.templating import PALETTES, THEMES

FOUND = 20
_uuid = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_is_prefix = re.compile(r"[0-9a-f][0-9a-f-]{3,34}").fullmatch


@dataclass(frozen=True)
class Hit:
    """Something that a search found."""

    kind: str
    name: str
    note: str
    href: str


async def home(call: Call) -> Reply:
    """Lead to the runs, or to the saved view that opens first."""
    return Reply(None, location=await call.store.read(run_views.default) or "runs")


def _written(value: Any) -> str:
    """A value as the environment would say it; nothing where nothing is set."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


async def settings(call: Call) -> Reply:
    """Show every setting with its value and where it came from."""
    see(call)
    values, sources = call.settings.masked(), call.settings.sources
    rows = [
        {
            "name": each.name,
            "value": _written(values[each.name]),
            "source": sources.get(each.name, "default"),
            "help": each.help,
        }
        for each in SETTINGS
    ]
    report = await asyncio.to_thread(duties.report, call.store, call.now)
    data = {
        "settings": rows,
        "duties": [_duty(each) for each in report if each.enabled and each.last_started],
        "size": await call.store.read(metrics.size),
        "version": call.app.state.version,
        "api_url": api_url(call),
        "dialect": call.store.dialect,
    }
    return Reply(data, "admin/settings.html")


async def theme(call: Call) -> Reply:
    """Remember light, dark, or as the system; or the colours of states."""
    name, known = ("palette", PALETTES) if "palette" in call.form else ("theme", THEMES)
    wanted = str(call.form.get(name, ""))
    kept = f"{name}={wanted}; Max-Age=31536000" if wanted in known else f"{name}=; Max-Age=0"
    return Reply(None, headers={"Set-Cookie": f"{kept}; Path=/; SameSite=Lax; HttpOnly"}, location="settings")


async def health(call: Call) -> Reply:
    """Show the database and the last beat of each duty of the clock."""
    now = see(call)
    report = await asyncio.to_thread(duties.report, call.store, now)
    enabled = [each for each in report if each.enabled]
    data = {
        "duties": [_duty(each) for each in enabled if each.last_started],
        "healthy": not any(each.overdue or each.last_error for each in enabled if each.last_started),
        "dialect": call.store.dialect,
        "facts": await gather(call, _facts),
    }
    return Reply({**data, "now": now, "here": here(call)}, "admin/health.html#page")


def _duty(each: duties.DutyHealth) -> dict[str, Any]:
    return {
        "name": each.name,
        "look": "failed" if each.last_error else "late" if each.overdue else "completed",
        "last": each.last_finished or each.last_started,
        "interval": each.every,
        "count": each.count,
        "error": each.last_error,
    }


def _facts(conn: Conn) -> dict[str, str]:
    return {
        "Flow runs": f"{flow_runs.count(conn):,}",
        "Task runs": f"{task_runs.count(conn):,}",
        "Flows": f"{flows.count(conn):,}",
        "Size": size_words(metrics.size(conn)),
    }


async def search(call: Call) -> Reply:
    """Find runs, flows and deployments by name or id."""
    now, q = see(call), call.query.get("q", "").strip()[:200]
    hits = await gather(call, _search, q, now) if q else []
    return Reply({"q": q, "hits": hits, "now": now, "here": here(call)}, "admin/search.html#hits")


def _search(conn: Conn, q: str, now: datetime) -> list[Hit]:
    by = _criteria(q)
    found_flows = flows.filter(conn, Filters(flows=FlowFilter(**by)), "NAME_ASC", FOUND)
    found_deployments = deployments.filter(
        conn, Filters(deployments=DeploymentFilter(**by)), "NAME_ASC", FOUND
    )
    found_runs = _runs(conn, q, now)
    ids = [each.flow_id for each in found_runs] + [each.flow_id for each in found_deployments]
    names = console.flow_names(conn, ids)
    hits = [Hit("flow", each.name, "", f"flows/{each.id}") for each in found_flows]
    hits += [
        Hit("deployment", each.name, names.get(each.flow_id, ""), f"deployments/{each.id}")
        for each in found_deployments
    ]
    hits += [
        Hit("run", each.name, f"{names.get(each.flow_id, '')} · {look_of(each)}", f"runs/{each.id}")
        for each in found_runs
    ]
    task = task_runs.get(conn, q.lower(), now) if _uuid(q) else None
    return hits + ([Hit("task run", task.name, look_of(task), f"task-runs/{task.id}")] if task else [])


def _criteria(q: str) -> dict[str, Any]:
    """A whole id is an id; the beginning of one may be a part of a name as well."""
    if _uuid(q):
        return {"id": IdCriterion(any_=[q.lower()])}
    if not _is_prefix(q.lower()):
        return {"name": NameCriterion(like_=Literal(q))}
    return {
        "operator": "or_",
        "id": IdCriterion(startswith_=[q.lower()]),
        "name": NameCriterion(like_=Literal(q)),
    }


def _runs(conn: Conn, q: str, now: datetime) -> list[FlowRun]:
    """Runs by id or its beginning, or by name: nothing here depends on how many runs there are."""
    ids = [q.lower()] if _uuid(q) else console.runs_named(conn, q, FOUND)
    if _is_prefix(q.lower()):
        by_id = Filters(flow_runs=FlowRunFilter(id=IdCriterion(startswith_=[q.lower()])))
        ids = [*(run.id for run in flow_runs.filter(conn, by_id, "ID_DESC", FOUND, 0)), *ids]
    wanted = Filters(flow_runs=FlowRunFilter(id=IdCriterion(any_=list(dict.fromkeys(ids))[:FOUND])))
    return flow_runs.filter(conn, wanted, "EXPECTED_START_TIME_DESC", FOUND, 0, now=now) if ids else []
