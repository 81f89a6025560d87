"""Deployment files: YAML that people read and edit, with one document for each deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from orion.deployments.checking import said
from orion.deployments.options import Catchup, Collision, Overlap
from orion.errors import Invalid, NotFound
from orion.model.flows import Name, Tags
from orion.model.work_queues import Limit

HEAD = """\
# A deployment of the flow {flow!r}. Edit it, then apply it: orion deployment apply {file}

"""

NOTES = {
    "name": "its name: with the flow's it is unique, and writing it again updates the deployment",
    "parameters": "defaults of the flow's parameters; a run may give others",
    "schedule": "{{cron: '0 6 * * *', timezone: Europe/Berlin}}, {{interval: 3600}} or {{rrule: 'FREQ=WEEKLY'}}",
    "paused": "true: nothing is planned until somebody resumes it",
    "catchup": "after a time without a clock: run all missed times, the latest (default), or none",
    "overlap": "a run is due while another is under way: allow (default), queue, skip, or cancel-previous",
    "concurrency_limit": "how many of its runs may be under way at one time; empty: any number",
    "collision_strategy": "at the limit: ENQUEUE (the new run waits), CANCEL_NEW or CANCEL_OLD",
    "work_queue_name": "the queue whose agents run it; made when it is not there",
    "infrastructure": "the saved block that says where it runs, as type/name; empty: a process of the agent",
    "storage": "the saved block that the code was uploaded to, as type/name; empty: `path` is a folder of the machine",
    "job_variables": "for its process: env (names and values), working_dir",
    "flow_name": "Made from the code: `orion deployment build` writes the rest anew.",
}


class DeploymentFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """One document of a deployment file. `path` is the folder of the code, `entrypoint` is `file.py:flow` in it.

    With a `storage`, `path` is the version of the code there, or a folder.
    """

    name: str
    description: str | None = None
    version: str | None = None
    tags: Tags = []
    parameters: dict[str, Any] = {}
    schedule: dict[str, Any] | None = None
    schedules: list[dict[str, Any]] = []
    paused: bool = False
    catchup: Catchup | None = None
    overlap: Overlap | None = None
    concurrency_limit: Limit | None = None
    collision_strategy: Collision | None = None
    work_queue_name: Name | None = "default"
    infrastructure: str | None = None
    job_variables: dict[str, Any] = {}
    storage: str | None = None
    flow_name: str = ""
    path: str = "."
    entrypoint: str
    manifest_path: str | None = None
    parameter_openapi_schema: dict[str, Any] = field(default_factory=dict)


def write_file(deployment: DeploymentFile, path: Path) -> None:
    """Write a deployment with a comment on every field that people edit."""
    parts = [HEAD.format(flow=deployment.flow_name, file=path.name)]
    for name, value in msgspec.structs.asdict(deployment).items():
        if name == "flow_name":
            parts.append(f"\n# {NOTES[name]}\n")
        if name == "schedules" and not value:
            continue
        text = _yaml({name: value})
        note = NOTES.get(name) if name != "flow_name" else None
        parts.append(f"# {note.format()}\n{text}" if note else text)
    path.write_text("".join(parts), encoding="utf-8")


def _yaml(value: dict[str, Any]) -> str:
    """YAML as people write it: a text of several lines as a block."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def read_file(path: Path) -> list[DeploymentFile]:
    """The deployments of a file. A relative `path` in it counts from the file's own folder."""
    import yaml

    try:
        documents = [
            part for part in yaml.safe_load_all(path.read_text(encoding="utf-8")) if part is not None
        ]
    except FileNotFoundError:
        raise NotFound(f"There is no deployment file {path}; `orion deployment build` writes one.") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} is not YAML: {_fault(error)}") from None
    if not documents:
        raise Invalid(f"{path} holds no deployment.")
    return [_document(part, path) for part in documents]


def _fault(error: Exception) -> str:
    """What the parser found, and where."""
    mark = getattr(error, "problem_mark", None)
    what = " ".join(str(getattr(error, "problem", None) or error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {what}." if mark else what


def _document(part: Any, path: Path) -> DeploymentFile:
    if isinstance(part, dict) and _is_of_prefect(part):
        raise Invalid(
            f"{path} was made by Prefect. Make it anew from the code: orion deployment build "
            f"{part.get('entrypoint') or 'FILE.py:FLOW'} -n {part.get('name') or 'NAME'}; "
            "what `infra_overrides` and `infrastructure` said goes into `job_variables`."
        )
    try:
        deployment = msgspec.convert(_as_json(part), DeploymentFile)
    except msgspec.ValidationError as error:
        name = f"deployment {part['name']}: " if isinstance(part, dict) and part.get("name") else ""
        raise Invalid(f"{path}: {name}{said(error, DeploymentFile)}.") from None
    if deployment.storage is None:
        deployment.path = str((path.parent / deployment.path).resolve())
    return deployment


def _is_of_prefect(part: dict[Any, Any]) -> bool:
    """Whether a document has what only deployment files of that library have."""
    whole = (part.get("infrastructure"), part.get("storage"))  # here they are names of blocks
    return "infra_overrides" in part or any(isinstance(value, dict) for value in whole)


def _as_json(value: Any) -> Any:
    """YAML knows dates; JSON, which the API speaks, does not."""
    return msgspec.to_builtins(value, str_keys=True)
