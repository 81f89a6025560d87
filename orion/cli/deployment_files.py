"""`orion deployment build`, `apply` and `preview`: from a flow in a file to a deployment on the server."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args

import typer

from orion.cli import completing
from orion.cli.console import note
from orion.cli.parameters import read_overrides, read_parameters
from orion.cli.progress import counting, each
from orion.errors import Invalid, NotFound, OrionError
from orion.sdk.errors import ApiError

if TYPE_CHECKING:
    from orion.deployments import DeploymentFile
    from orion.deployments.packaging import Packager
    from orion.model.deployments import Deployment
    from orion.sdk.client import SyncClient

INFRASTRUCTURES = ("process", "docker-container", "kubernetes-job")


def build(
    entrypoint: Annotated[
        str, typer.Argument(metavar="PATH:FLOW", help="The file and the flow's function in it.")
    ],
    name: Annotated[
        str | None, typer.Option("-n", "--name", metavar="NAME", help="The deployment's name.")
    ] = None,
    description: Annotated[
        str | None, typer.Option("-d", "--description", metavar="TEXT", help="By default the flow's.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("-v", "--version", metavar="TEXT", help="By default the flow's.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("-t", "--tag", metavar="TAG", help="A tag of its runs; repeatable.")
    ] = None,
    queue: Annotated[
        str,
        typer.Option(
            "-q", "--work-queue", metavar="QUEUE", help="The queue whose agents run it; made when missing."
        ),
    ] = "default",
    infra: Annotated[
        str,
        typer.Option(
            "-i",
            "--infra",
            metavar="TYPE",
            help="What a run is: process, docker-container or kubernetes-job.",
            autocompletion=completing.words(*INFRASTRUCTURES),
        ),
    ] = "process",
    infra_block: Annotated[
        str | None,
        typer.Option(
            "-ib", "--infra-block", metavar="TYPE/NAME", help="A saved block: docker-container/prod."
        ),
    ] = None,
    storage_block: Annotated[
        str | None,
        typer.Option(
            "-sb",
            "--storage-block",
            metavar="TYPE/NAME[/FOLDER]",
            help="A saved block that the code is uploaded to, and that runs fetch it from: s3/prod.",
        ),
    ] = None,
    skip_upload: Annotated[
        bool, typer.Option("--skip-upload", help="The code is in the storage already, as a plain folder.")
    ] = False,
    ignore_file: Annotated[
        str | None,
        typer.Option(
            "--ignore-file", metavar="FILE", help="What is not uploaded; by default .orionignore says so."
        ),
    ] = None,
    packager: Annotated[
        str | None,
        typer.Option(
            "--packager",
            metavar="KIND",
            help="Package the flow: orion (in the API), file (in the storage block) or docker (in an image).",
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="NAME", help="With --packager docker: the image's name, or name:tag."
        ),
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="With --packager docker: push the image.")] = False,
    override: Annotated[
        list[str] | None,
        typer.Option(
            "--override", metavar="NAME=VALUE", help="A job variable: env.NAME=value, working_dir=/x."
        ),
    ] = None,
    cron: Annotated[str | None, typer.Option(metavar="LINE", help="A cron line: '0 6 * * *'.")] = None,
    interval: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Seconds between two runs.")
    ] = None,
    rrule: Annotated[
        str | None, typer.Option(metavar="RULE", help="An iCalendar rule: 'FREQ=WEEKLY;BYDAY=MO'.")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="The zone of the schedule: Europe/Berlin; UTC where nothing names one."
        ),
    ] = None,
    anchor_date: Annotated[
        str | None, typer.Option(metavar="TIME", help="A time that the interval counts from.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="name=value; JSON, else text.")
    ] = None,
    params: Annotated[
        str | None,
        typer.Option("--params", metavar="JSON", help="All parameters as one JSON object, or @FILE with it."),
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Plan nothing yet.")] = False,
    catchup: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="Missed times: all, latest (default) or none.",
            autocompletion=completing.words("all", "latest", "none"),
        ),
    ] = None,
    overlap: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="A run is due while another is under way: allow, queue, skip or cancel-previous.",
            autocompletion=completing.words("allow", "queue", "skip", "cancel-previous"),
        ),
    ] = None,
    concurrency_limit: Annotated[
        int | None, typer.Option("--concurrency-limit", min=0, metavar="N", help="Runs at one time.")
    ] = None,
    collision_strategy: Annotated[
        str | None,
        typer.Option(
            metavar="STRATEGY", help="Beyond the limit: ENQUEUE (default), CANCEL_NEW or CANCEL_OLD."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")
    ] = None,
    manifest_only: Annotated[bool, typer.Option("--manifest-only", help="Write no deployment file.")] = False,
    apply_it: Annotated[bool, typer.Option("-a", "--apply", help="Apply it, too.")] = False,
) -> None:
    """Write a deployment file for a flow. The flow's file is loaded, nothing in it is run."""
    from orion import deployments
    from orion.deployments.options import Catchup, Collision, Overlap

    if infra.lower() not in INFRASTRUCTURES:
        raise Invalid(f"There is no infrastructure {infra!r}; there is: {', '.join(INFRASTRUCTURES)}.")
    if not name and not manifest_only:
        raise Invalid("A deployment needs a name: -n NAME.")
    packaging = _packager(packager, storage_block, image, push, ignore_file)
    made = deployments.build(
        entrypoint,
        name=name or "default",
        typed=lambda schema: read_parameters(param, params, schema),
        description=description,
        version=version,
        tags=tag or [],
        cron=cron,
        interval=interval,
        rrule=rrule,
        timezone=timezone,
        anchor_date=anchor_date,
        paused=paused,
        catchup=_one_of("--catchup", catchup, Catchup),
        overlap=_one_of("--overlap", overlap, Overlap),
        concurrency_limit=concurrency_limit,
        collision_strategy=_one_of("--collision-strategy", collision_strategy, Collision),
        work_queue_name=queue,
        infrastructure=infra_block,
        packager=packaging,
        job_variables={
            **({} if infra.lower() == "process" else {"type": infra.lower()}),
            **read_overrides(override),
        },
    )
    target = output or Path("deployment.yaml")
    if not manifest_only:
        _keep_other(made, target)
    if packaging is not None:
        print(f"Packaged the flow: {made.storage or made.job_variables['image']} {made.path}".rstrip() + ".")
    elif storage_block:
        _store(made, storage_block, skip_upload, ignore_file)
    elif skip_upload or ignore_file:
        raise Invalid("--skip-upload and --ignore-file belong to a storage: --storage-block TYPE/NAME.")
    manifest = deployments.write_manifest(made, Path.cwd())
    print(f"Wrote {manifest.name}: what the code says.")
    if not manifest_only:
        _write(made, target)
    if apply_it:
        apply_all([Described(made)])


def _packager(
    kind: str | None, storage: str | None, image: str | None, push: bool, ignore_file: str | None
) -> Packager | None:
    """The packager of the options; what belongs to another one is refused."""
    if kind != "docker" and (image or push):
        raise Invalid("--image and --push belong to --packager docker.")
    if kind is None:
        return None
    if (kind == "file") != (storage is not None):
        raise Invalid(
            "--packager file writes to a storage: give it with --storage-block, and no other packager."
        )
    from orion.deployments import packaging

    match kind:
        case "orion":
            return packaging.OrionPackager()
        case "file":
            return packaging.FilePackager(str(storage))
        case "docker":
            return packaging.DockerPackager(image, push=push, ignore_file=ignore_file)
    raise Invalid(f"There is no packager {kind!r}; there is: orion, file, docker.")


def _store(made: DeploymentFile, storage: str, skip_upload: bool, ignore_file: str | None) -> None:
    from orion.deployments.building import manifest_name
    from orion.deployments.storing import store

    left_out = [Path(manifest_name(made))]
    with counting("Uploading") as tell:
        sent = store(
            made, storage, skip_upload=skip_upload, ignore_file=ignore_file, left_out=left_out, tell=tell
        )
    if sent is None:
        print(f"Nothing is uploaded: runs fetch the code from {made.storage} as it is.")
    else:
        size = f"{sent.sent} of {sent.files} files ({sent.bytes:,} bytes)" if sent.sent else "nothing new"
        print(f"Uploaded {size} to {made.storage}: version {sent.path}.")


def _one_of(option: str, given: str | None, allowed: Any) -> Any:
    names = get_args(allowed)
    if given is not None and given not in names:
        raise Invalid(f"{option} {given}: it is one of {', '.join(names)}.")
    return given


def _keep_other(made: DeploymentFile, path: Path) -> None:
    """A file of another deployment may have been edited by hand, so it is put aside; any other file stays."""
    if not path.exists():
        return
    try:
        there = [f"{each.flow_name}/{each.name}" for each, _ in read_files([path])]
    except OrionError:
        raise Invalid(f"{path} is there and is no deployment file: name another one with -o.") from None
    if there != [f"{made.flow_name}/{made.name}"]:
        aside = path.with_name(f"{path.name}.bak")
        path.replace(aside)
        note(f"{path} held {', '.join(there)}, which is in {aside} now; -o names another file.")


def _write(made: DeploymentFile, path: Path) -> None:
    from orion.deployments import write_file

    write_file(made, path)
    print(f"Wrote {path}: edit it, then apply it with  orion deployment apply {path}")


def apply(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...", help="Files or patterns ('flows/**/*.yaml'); by default deployment.yaml."
        ),
    ] = None,
) -> None:
    """Make or update the deployments that files describe; their runs are planned at once."""
    apply_all(read_files(found(paths or ["deployment.yaml"])))


def found(patterns: Sequence[str]) -> list[Path]:
    """The files of names and patterns, each once; a pattern that fits nothing is an error."""
    files: dict[Path, None] = {}
    for pattern in patterns:
        fitting = (
            [pattern]
            if Path(pattern).exists() or not has_magic(pattern)
            else sorted(glob(pattern, recursive=True))
        )
        if not fitting:
            raise NotFound(f"No file fits the pattern {pattern!r}.")
        files |= dict.fromkeys(map(Path, fitting))
    return list(files)


class Described(NamedTuple):
    """A deployment, and the file that describes it."""

    deployment: DeploymentFile
    file: Path | None = None


def read_files(paths: Sequence[Path]) -> list[Described]:
    """The deployments of all files, read before any of them is applied."""
    from orion.deployments import read_file

    return [Described(deployment, path) for path in paths for deployment in read_file(path)]


def apply_all(described: Sequence[Described], client: SyncClient | None = None) -> None:
    """Apply deployments and say so. A fault in one of them is found before the first is applied."""
    from orion.deployments import apply as apply_one
    from orion.deployments import ready
    from orion.deployments.checking import doubtful, without_image
    from orion.deployments.entrypoints import astray

    for one in described:
        with _about(one):
            known = ready(one.deployment)
        image = without_image(known.job_variables, known.infrastructure)
        doubts = [astray(known), image, *doubtful(known.parameters, known.parameter_openapi_schema)]
        for doubt in filter(None, doubts):
            note(f"{_subject(one)}: {doubt}")
    for one, say in each("Applying", described):
        deployment = one.deployment
        with _about(one):
            saved = apply_one(deployment, client)
        say(f"Deployment {deployment.flow_name}/{deployment.name} is applied ({saved.id}).")
        if len(described) == 1 and (times := _next_times(saved)):
            note("\n  ".join(["Next:", *times]))


def _subject(one: Described) -> str:
    deployment = one.deployment
    name = f"{deployment.flow_name or deployment.entrypoint}/{deployment.name}"
    return f"{one.file}: deployment {name}" if one.file else f"Deployment {name}"


@contextmanager
def _about(one: Described) -> Iterator[None]:
    """Errors name the file and the deployment, of which several may be applied at once."""
    try:
        yield
    except OrionError as error:
        reason = str(getattr(error, "reason", error.message))
        error.message = f"{_subject(one)}: {reason.removeprefix('body.').replace('; body.', '; ')}"
        if isinstance(error, ApiError):
            error.reason = error.message
        raise


def _next_times(saved: Deployment) -> list[str]:
    from orion.cli.deployment_schedules import next_fire_times
    from orion.model.wire import unraw

    rows = [{"active": each.active, "schedule": unraw(each.schedule)} for each in saved.schedules]
    return next_fire_times({"paused": saved.paused, "schedules": rows})


def preview(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A deployment file.")] = Path(
        "deployment.yaml"
    ),
) -> None:
    """Show how an agent will run the deployments of a file: command, folder and environment."""
    for deployment, _ in read_files([path]):
        variables = deployment.job_variables
        print(f"# {deployment.flow_name}/{deployment.name}, from queue {deployment.work_queue_name}")
        if deployment.storage:
            print(f"# the code: {deployment.path or 'all'} of {deployment.storage}, in a fresh folder")
        if elsewhere := _elsewhere(deployment):
            print(f"# {elsewhere}")
        print(f"cd {variables.get('working_dir') or ('<folder>' if deployment.storage else deployment.path)}")
        for key, value in {**dict(variables.get("env") or {}), "ORION__FLOW_RUN_ID": "<id>"}.items():
            print(f"{key}={value} \\")
        python = "python" if elsewhere else sys.executable
        print(f"  {variables.get('command') or f'{python} -m orion.engine'}")


def _elsewhere(deployment: DeploymentFile) -> str:
    """Where it runs, if not in a process of the agent."""
    if deployment.infrastructure:
        return f"by the block {deployment.infrastructure}, which the job variables here come after"
    kind = str(deployment.job_variables.get("type") or "process")
    image = deployment.job_variables.get("image", "orion")
    return "" if kind == "process" else f"by {kind}, in the image {image}"
