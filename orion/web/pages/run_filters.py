"""The filters of the API that the words of a run list mean: some wanted, some excluded by `!`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from orion.model.filters import (
    DeploymentFilter,
    Filters,
    FlowFilter,
    FlowRunFilter,
    IdCriterion,
    NameCriterion,
    NullableIdCriterion,
    StateCriterion,
    StateTypeCriterion,
    TagsCriterion,
    TextCriterion,
)
from orion.model.states import StateType

_uuid = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
LATE = StateCriterion(  # the type says nothing new, but leads to the few runs that are planned
    type=StateTypeCriterion(any_=["SCHEDULED"]), name=NameCriterion(any_=["Late"])
)


def filters(
    *,
    q: str,
    looks: tuple[str, ...],
    flows: tuple[str, ...],
    deployments: tuple[str, ...],
    queues: tuple[str, ...],
    tags: tuple[str, ...],
) -> Filters:
    """Everything at once; a text that is an id asks for that run."""
    with_deployments, without_deployments = parted(deployments)
    runs = FlowRunFilter(
        state=states(looks) if looks else None,
        tags=_tags(*parted(tags)),
        work_queue_name=_queues(*parted(queues)),
        deployment_id=_no_deployment(without_deployments) if without_deployments else None,
        **_named(q),
    )
    below = DeploymentFilter(id=IdCriterion(any_=with_deployments)) if with_deployments else None
    return Filters(flow_runs=runs, flows=_flows(*parted(flows)), deployments=below)


def parted(values: Iterable[str]) -> tuple[list[str], list[str]]:
    """Which values are wanted, and which are not; what is both is not."""
    shunned = [value[1:] for value in values if value.startswith("!")]
    return [value for value in values if not value.startswith("!") and value not in shunned], shunned


def states(looks: tuple[str, ...]) -> StateCriterion:
    """Late is a name, everything else a type; late runs are no longer merely scheduled."""
    types = [cast(StateType, look.upper()) for look in looks if look != "late"]
    if "CANCELLED" in types:
        types.append("CANCELLING")
    if looks == ("late",):
        return LATE
    if "late" in looks and "SCHEDULED" not in types:
        return StateCriterion(operator="or_", type=StateTypeCriterion(any_=types), name=LATE.name)
    names = NameCriterion(not_any_=["Late"]) if "SCHEDULED" in types and "late" not in looks else None
    return StateCriterion(type=StateTypeCriterion(any_=types), name=names)


def _tags(wanted: list[str], shunned: list[str]) -> TagsCriterion | None:
    if not wanted and not shunned:
        return None
    return TagsCriterion(all_=wanted or None, not_any_=shunned or None)


def _queues(wanted: list[str], shunned: list[str]) -> TextCriterion | None:
    """Runs without a queue are in none of those that are excluded."""
    if wanted:
        return TextCriterion(any_=wanted)
    return TextCriterion(operator="or_", not_any_=shunned, is_null_=True) if shunned else None


def _no_deployment(shunned: list[str]) -> NullableIdCriterion:
    return NullableIdCriterion(operator="or_", not_any_=shunned, is_null_=True)


def _flows(wanted: list[str], shunned: list[str]) -> FlowFilter | None:
    """Flows by id or by name."""
    if wanted:
        ids, names = _ids_and_names(wanted)
        return FlowFilter(
            operator="or_",
            id=IdCriterion(any_=ids) if ids else None,
            name=NameCriterion(any_=names) if names else None,
        )
    if not shunned:
        return None
    ids, names = _ids_and_names(shunned)
    return FlowFilter(
        id=IdCriterion(not_any_=ids) if ids else None, name=NameCriterion(not_any_=names) if names else None
    )


def _ids_and_names(values: list[str]) -> tuple[list[str], list[str]]:
    return [each for each in values if _uuid(each)], [each for each in values if not _uuid(each)]


def _named(q: str) -> dict[str, Any]:
    if _uuid(q):
        return {"id": IdCriterion(any_=[q.lower()])}
    return {"name": NameCriterion(like_=q)} if q else {}
