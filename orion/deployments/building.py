"""Building: from a flow in a file to a deployment that can be applied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orion.deployments.files import DeploymentFile
from orion.errors import Invalid


def build(
    entrypoint: str,
    *,
    name: str = "default",
    description: str | None = None,
    version: str | None = None,
    tags: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    cron: str | None = None,
    interval: float | None = None,
    rrule: str | None = None,
    timezone: str | None = None,
    anchor_date: str | None = None,
    paused: bool = False,
    work_queue_name: str | None = "default",
    job_variables: Mapping[str, Any] | None = None,
) -> DeploymentFile:
    """Describe a deployment of the flow at `entrypoint` (`path/to/file.py:flow`). Loads the file, runs nothing."""
    from orion.sdk.loading import load_flow_from_entrypoint
    from orion.sdk.schemas import parameter_schema

    file, _, function = entrypoint.rpartition(":")
    flow = load_flow_from_entrypoint(entrypoint)
    schema = parameter_schema(flow.fn)
    _check(parameters or {}, schema, flow.name)
    where = Path(file).resolve()
    return DeploymentFile(
        name=name,
        description=description or flow.description,
        version=version or flow.version,
        tags=list(tags),
        parameters=dict(parameters or {}),
        schedule=_schedule(cron, interval, rrule, timezone, anchor_date),
        paused=paused,
        work_queue_name=work_queue_name,
        job_variables=dict(job_variables or {}),
        flow_name=flow.name,
        path=str(where.parent),
        entrypoint=f"{where.name}:{function}",
        parameter_openapi_schema=schema,
    )


def write_manifest(deployment: DeploymentFile, folder: Path) -> Path:
    """Write `<flow>-manifest.json`: what the code says of itself."""
    path = folder / f"{deployment.flow_name}-manifest.json"
    manifest = {
        "flow_name": deployment.flow_name,
        "import_path": deployment.entrypoint,
        "parameter_openapi_schema": deployment.parameter_openapi_schema,
    }
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    deployment.manifest_path = path.name
    return path


def _check(parameters: Mapping[str, Any], schema: Mapping[str, Any], flow: str) -> None:
    unknown = sorted(set(parameters) - set(schema.get("properties", {})))
    if unknown:
        raise Invalid(f"The flow {flow!r} has no parameter named {', '.join(map(repr, unknown))}.")


def _schedule(
    cron: str | None, interval: float | None, rrule: str | None, timezone: str | None, anchor: str | None
) -> dict[str, Any] | None:
    given = {"cron": cron, "interval": interval, "rrule": rrule}
    chosen = {key: value for key, value in given.items() if value is not None}
    if len(chosen) > 1:
        raise Invalid(f"A deployment is built with one schedule: {' and '.join(chosen)} do not go together.")
    if anchor and not interval:
        raise Invalid("An anchor date belongs to an interval.")
    extra = {"timezone": timezone, "anchor_date": anchor}
    return {**chosen, **{key: value for key, value in extra.items() if value}} if chosen else None
