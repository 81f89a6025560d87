"""Building: from a flow in a file to a deployment that can be applied."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from orion.deployments.files import DeploymentFile
from orion.deployments.options import Options
from orion.errors import Invalid
from orion.model.schedule_times import check
from orion.model.schedules import from_dict
from orion.model.times import utcnow
from orion.sdk.docstrings import prose

if TYPE_CHECKING:
    from orion.sdk.flows import Flow

NOT_IN_NAMES = "/%&<>"


def build(
    entrypoint: str,
    name: str = "default",
    *,
    typed: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    **options: Unpack[Options],
) -> DeploymentFile:
    """Describe a deployment of the flow at `entrypoint` (`path/to/file.py:flow`). Loads the file, runs nothing.

    `typed` gives the parameters, once the flow's schema is known.
    """
    from orion.sdk.loading import load_flow_from_entrypoint
    from orion.sdk.schemas import parameter_schema

    file, _, function = entrypoint.rpartition(":")
    flow = load_flow_from_entrypoint(entrypoint)
    if typed is not None:
        options["parameters"] = typed(parameter_schema(flow.fn))
    path = Path(file).resolve()
    return _sent(flow, describe(flow, path, function, name, options, _base(path)), options)


def build_from_flow(
    flow: Flow[Any, Any], name: str = "default", **options: Unpack[Options]
) -> DeploymentFile:
    """Describe a deployment of a flow that is loaded already; an agent loads it from the same file."""
    function, file = flow.fn.__qualname__, _file_of(flow)
    if file is None and options.get("packager"):
        file = Path.cwd() / flow.fn.__module__  # a pickle needs no file; the other packagers say that they do
    elif file is None:
        raise Invalid(f"The flow {flow.name!r} is in no file, so no agent could load it: write it into one.")
    elif "<locals>" in function:
        raise Invalid(
            f"The flow {flow.name!r} is made inside a function; an agent finds it only at the top of {file.name}."
        )
    path = file.resolve()
    base = _base(path) if options.get("storage") or options.get("packager") else path.parent
    return _sent(flow, describe(flow, path, function, name, options, base), options)


def _file_of(flow: Flow[Any, Any]) -> Path | None:
    try:
        file = Path(inspect.getsourcefile(flow.fn) or "")
    except TypeError:
        return None
    return file if file.is_file() else None


def _base(file: Path) -> Path:
    """The folder that the code is in: the working directory, unless the file lies elsewhere."""
    here = Path.cwd()
    return here if file.is_relative_to(here) else file.parent


def _sent(flow: Flow[Any, Any], deployment: DeploymentFile, options: Options) -> DeploymentFile:
    """The deployment, with its code where other machines find it, if that is wanted."""
    storage, packager = options.get("storage"), options.get("packager")
    if storage and packager:
        raise Invalid("A deployment has either a storage for its folder or a packager for its flow.")
    if packager:
        packager.package(flow, deployment)
    elif storage:
        from orion.deployments.storing import store

        skips, ignore_file = options.get("skip_upload", False), options.get("ignore_file")
        store(deployment, storage, skip_upload=skips, ignore_file=ignore_file)
    return deployment


def describe(
    flow: Flow[Any, Any], file: Path, function: str, name: str, options: Options, base: Path
) -> DeploymentFile:
    """What the code and the options say of a deployment."""
    from orion.sdk.schemas import parameter_schema

    schema = parameter_schema(flow.fn)
    parameters = dict(options.get("parameters") or {})
    check_name(name)
    _check(parameters, schema, flow)
    return DeploymentFile(
        name=name,
        description=options.get("description") or prose(flow.description),
        version=options.get("version") or flow.version,
        tags=list(options.get("tags") or ()),
        parameters=parameters,
        schedule=_schedule(options),
        schedules=[dict(schedule) for schedule in options.get("schedules") or ()],
        paused=options.get("paused", False),
        catchup=options.get("catchup"),
        overlap=options.get("overlap"),
        concurrency_limit=options.get("concurrency_limit"),
        collision_strategy=options.get("collision_strategy"),
        work_queue_name=options.get("work_queue_name", "default"),
        infrastructure=options.get("infrastructure"),
        job_variables=dict(options.get("job_variables") or {}),
        flow_name=flow.name,
        path=str(base),
        entrypoint=f"{file.relative_to(base)}:{function}",
        parameter_openapi_schema=schema,
    )


def write_manifest(deployment: DeploymentFile, folder: Path) -> Path:
    """Write `<flow>-manifest.json`: what the code says of itself."""
    path = folder / manifest_name(deployment)
    manifest = {
        "flow_name": deployment.flow_name,
        "import_path": deployment.entrypoint,
        "parameter_openapi_schema": deployment.parameter_openapi_schema,
    }
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    deployment.manifest_path = path.name
    return path


def manifest_name(deployment: DeploymentFile) -> str:
    """The name of the manifest's file."""
    return f"{deployment.flow_name}-manifest.json"


def check_name(name: str) -> None:
    """Refuse a name that the API would refuse."""
    if not name.strip() or any(mark in name for mark in NOT_IN_NAMES):
        raise Invalid(
            f"The name {name!r} of a deployment is empty or has one of {' '.join(NOT_IN_NAMES)} in it."
        )


def _check(parameters: Mapping[str, Any], schema: Mapping[str, Any], flow: Flow[Any, Any]) -> None:
    """Refuse defaults that the flow would refuse; what refers to a block or a variable is known only in its run."""
    from orion.sdk.errors import ParameterError

    unknown = sorted(set(parameters) - set(schema.get("properties", {})))
    if unknown:
        raise Invalid(f"The flow {flow.name!r} has no parameter named {', '.join(map(repr, unknown))}.")
    known = {name: value for name, value in parameters.items() if "{{" not in str(value)}
    try:
        if flow.should_validate_parameters:
            flow.validate_parameters(known)
    except ParameterError as error:
        raise Invalid(f"The parameters do not fit the flow {flow.name!r}: {error}") from None


def _schedule(options: Options) -> dict[str, Any] | None:
    interval = options.get("interval")
    seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
    given = {"cron": options.get("cron"), "interval": seconds, "rrule": _rule(options.get("rrule"))}
    chosen = {key: value for key, value in given.items() if value is not None}
    if len(chosen) > 1:
        raise Invalid(f"A deployment is built with one schedule: {' and '.join(chosen)} do not go together.")
    anchor = options.get("anchor_date")
    if anchor and "interval" not in chosen:
        raise Invalid("An anchor date belongs to an interval.")
    extra = {"timezone": options.get("timezone"), "anchor_date": anchor}
    if not chosen:
        if extra["timezone"] is not None:
            raise Invalid("A time zone belongs to a cron line, an interval or a rule.")
        return None
    schedule = {**chosen, **{key: value for key, value in extra.items() if value is not None}}
    check(from_dict(schedule), utcnow())
    return schedule


def _rule(rule: Any) -> str | None:
    """A recurrence rule as text; a `dateutil.rrule.rrule` with the zone of its start, which its own text lacks."""
    if rule is None or isinstance(rule, str):
        return rule
    start: datetime | None = getattr(rule, "_dtstart", None)
    if start is None:
        raise Invalid("A rule is a text or a dateutil.rrule.rrule; write a set of rules as a text.")
    _, _, rest = str(rule).partition("\n")
    if start.tzinfo is None:
        return str(rule)
    if key := getattr(start.tzinfo, "key", None):
        return f"DTSTART;TZID={key}:{start:%Y%m%dT%H%M%S}\n{rest}"
    return f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%S}Z\n{rest}"
