"""A slow reading of the filter grammar, in plain Python over plain lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from orion.model.agent_pool import POOL_ID
from orion.model.filters import Filters
from tests.store.world import World

POOL = {"name": "default-agent-pool", "type": "prefect-agent", "id": POOL_ID}


def given(struct: Struct) -> dict[str, Any]:
    return {name: value for name in struct.__struct_fields__ if (value := getattr(struct, name)) is not None}


def joined(struct: Struct, verdicts: Iterable[bool | None]) -> bool:
    """By the struct's operator; a part that says nothing counts for nothing, and nothing at all is met."""
    said = [verdict for verdict in verdicts if verdict is not None]
    return (any if said and getattr(struct, "operator", None) == "or_" else all)(said)


def key_holds(key: str, wanted: Any, value: Any) -> bool | None:
    match key:
        case "any_":
            return value in wanted
        case "not_any_":
            return None if not wanted else value is not None and value not in wanted
        case "like_":
            return value is not None and like(wanted, value)
        case "startswith_":
            return value is not None and any(value.startswith(prefix) for prefix in wanted)
        case "is_null_":
            return (value is None) == wanted
        case "before_" | "le_":
            return value is not None and value <= wanted
        case "after_" | "ge_":
            return value is not None and value >= wanted
        case _:
            assert key == "eq_"
            return bool(value == wanted)


def like(pattern: str, value: str) -> bool:
    wild = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.search(f"(?is)(?a:{wild})", value) is not None


def holds(criterion: Struct | None, value: Any) -> bool | None:
    if criterion is None:
        return None
    keys = {key: wanted for key, wanted in given(criterion).items() if key != "operator"}
    verdicts = [key_holds(key, wanted, value) for key, wanted in keys.items()]
    return joined(criterion, verdicts) if any(verdict is not None for verdict in verdicts) else None


def tags_hold(criterion: Any, tags: list[str]) -> bool | None:
    parts = []
    if criterion.all_:
        parts.append(set(criterion.all_) <= set(tags))
    if criterion.any_ is not None:
        parts.append(not set(criterion.any_).isdisjoint(tags))
    if criterion.not_any_:
        parts.append(set(criterion.not_any_).isdisjoint(tags))
    if criterion.is_null_ is not None:
        parts.append((not tags) == criterion.is_null_)
    return joined(criterion, parts) if parts else None


class Oracle:
    """Which rows of a world meet a set of filters."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.flow_of = {flow.id: flow for flow in world.flows}
        self.deployment_of = {deployment.id: deployment for deployment in world.deployments}
        self.run_of = {run.id: run for run in world.flow_runs}
        self.task_of = {run.id: run for run in world.task_runs}

    def own(self, criteria: Struct | None, row: Any, kind: str) -> bool:
        if criteria is None:
            return True
        fields = {name: value for name, value in given(criteria).items() if name != "operator"}
        return joined(criteria, [self.criterion(kind, name, value, row) for name, value in fields.items()])

    def criterion(self, kind: str, name: str, criterion: Any, row: Any) -> bool | None:
        match kind, name:
            case _, "tags":
                return tags_hold(criterion, row.tags)
            case _, "state":
                parts = [holds(criterion.type, row.state_type), holds(criterion.name, row.state_name)]
                said = [part for part in parts if part is not None]
                return joined(criterion, said) if said else None
            case "flow", "deployment":
                has = any(each.flow_id == row.id for each in self.world.deployments)
                return None if criterion.is_null_ is None else has != criterion.is_null_
            case "flow_run", "parent_flow_run_id":
                parent = self.task_of.get(row.parent_task_run_id or "")
                return holds(criterion, parent.flow_run_id if parent else None)
            case "flow_run", "created_by":
                return holds(criterion, row.created_by.id if row.created_by else None)
            case "task_run", "subflow_runs":
                has = any(run.parent_task_run_id == row.id for run in self.world.flow_runs)
                return None if criterion.exists_ is None else has == criterion.exists_
            case "deployment", "is_schedule_active":
                return None if criterion.eq_ is None else row.paused != criterion.eq_
            case "deployment", "flow_or_deployment_name":
                either = [holds(criterion, row.name), holds(criterion, self.flow_of[row.flow_id].name)]
                return None if None in either else any(either)
            case _:
                return holds(criterion, getattr(row, name))

    def flows(self, f: Filters) -> set[str]:
        return {flow.id for flow in self.world.flows if self.flow(f, flow)}

    def flow(self, f: Filters, flow: Any) -> bool:
        below = [each for each in self.world.deployments if each.flow_id == flow.id]
        runs = [run for run in self.world.flow_runs if run.flow_id == flow.id]
        return (
            self.own(f.flows, flow, "flow")
            and (f.deployments is None or any(self.own(f.deployments, each, "deployment") for each in below))
            and (f.flow_runs is f.task_runs is None or any(self.run_with_tasks(f, run) for run in runs))
        )

    def run_with_tasks(self, f: Filters, run: Any) -> bool:
        tasks = [task for task in self.world.task_runs if task.flow_run_id == run.id]
        return self.own(f.flow_runs, run, "flow_run") and (
            f.task_runs is None or any(self.own(f.task_runs, task, "task_run") for task in tasks)
        )

    def under(self, f: Filters, run: Any) -> bool:
        deployment = self.deployment_of.get(run.deployment_id or "")
        return self.own(f.flows, self.flow_of[run.flow_id], "flow") and (
            f.deployments is None
            or (deployment is not None and self.own(f.deployments, deployment, "deployment"))
        )

    def queued(self, f: Filters, row: Any) -> bool:
        queue = next((queue for queue in self.world.queues if queue.name == row.work_queue_name), None)
        in_pool = f.work_pools is None or (queue is not None and self.in_pool(f.work_pools))
        in_queue = f.work_pool_queues is None or (
            queue is not None and self.own(f.work_pool_queues, queue, "queue")
        )
        return in_pool and in_queue

    def in_pool(self, criteria: Any) -> bool:
        fields = {name: value for name, value in given(criteria).items() if name != "operator"}
        return joined(criteria, [holds(criterion, POOL[name]) for name, criterion in fields.items()])

    def flow_runs(self, f: Filters) -> set[str]:
        runs = [run for run in self.world.flow_runs if self.run_with_tasks(f, run)]
        return {run.id for run in runs if self.under(f, run) and self.queued(f, run)}

    def task_runs(self, f: Filters) -> set[str]:
        return {task.id for task in self.world.task_runs if self.task(f, task)}

    def task(self, f: Filters, task: Any) -> bool:
        if not self.own(f.task_runs, task, "task_run"):
            return False
        if f.flow_runs is f.flows is f.deployments is None:
            return True
        run = self.run_of.get(task.flow_run_id or "")
        return run is not None and self.own(f.flow_runs, run, "flow_run") and self.under(f, run)

    def deployments(self, f: Filters) -> set[str]:
        return {each.id for each in self.world.deployments if self.deployment(f, each)}

    def deployment(self, f: Filters, deployment: Any) -> bool:
        runs = [run for run in self.world.flow_runs if run.deployment_id == deployment.id]
        return (
            self.own(f.deployments, deployment, "deployment")
            and self.own(f.flows, self.flow_of[deployment.flow_id], "flow")
            and (f.flow_runs is f.task_runs is None or any(self.run_with_tasks(f, run) for run in runs))
            and self.queued(f, deployment)
        )
