"""`python -m orion.engine`: runs the flow run that ORION__FLOW_RUN_ID names, for an agent or by hand.

What goes wrong is told in the run's own logs: a flow that cannot be loaded is CRASHED, bad parameters are FAILED.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orion.errors import OrionError

if TYPE_CHECKING:
    from types import FrameType

    from orion.model.deployments import Deployment
    from orion.sdk.answers import FlowRun
    from orion.sdk.flows import Flow
    from orion.sdk.heartbeat import Heartbeat
    from orion.sdk.session import Session

FLOW_RUN = "ORION__FLOW_RUN_ID"
ATTEMPT = "ORION__ATTEMPT"
FETCHED: list[Path] = []  # folders with code that was fetched, to be removed at the end


class Signals:
    """SIGTERM ends the run as crashed; when somebody cancels it, as cancelled."""

    def __init__(self) -> None:
        self.cancelling = False
        self.heartbeat: Heartbeat | None = None
        signal.signal(signal.SIGTERM, self._end)

    def cancel(self) -> None:
        """Interrupt the main thread, from any thread."""
        self.cancelling = True
        os.kill(os.getpid(), signal.SIGTERM)

    def _end(self, number: int, frame: FrameType | None) -> None:
        from orion.sdk.crashes import tell
        from orion.sdk.errors import CancelRequested, Terminated

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wanted = self.cancelling or (self.heartbeat is not None and self.heartbeat.wants_cancel())
        raise tell(CancelRequested() if wanted else Terminated(128 + number))


def main() -> int:
    """Run it; the exit code is 0 when the run has a final state of its own making."""
    run_id = os.environ.get(FLOW_RUN) or (sys.argv[1] if len(sys.argv) > 1 else "")
    token = os.environ.get(ATTEMPT) or None
    if not run_id:
        print(f"Which flow run? Set {FLOW_RUN}, or give the id as the argument.", file=sys.stderr)
        return 2
    if refusal := _container_without_api():
        print(refusal, file=sys.stderr)
        return 2
    signals = Signals()
    from orion.sdk.errors import CancelRequested, Terminated
    from orion.sdk.session import close_all

    try:
        return _run(run_id, token, signals)
    except CancelRequested:
        return _leave(signals, 0)
    except (Terminated, KeyboardInterrupt):
        return _leave(signals, 1)
    except OrionError as error:
        print(f"The flow run {run_id} cannot be run: {error}", file=sys.stderr)
        return 1
    finally:
        if signals.heartbeat is not None:
            signals.heartbeat.stop()
        close_all(timeout=10)
        _tidy_up()


def _tidy_up() -> None:
    import shutil

    for folder in FETCHED:
        shutil.rmtree(folder, ignore_errors=True)


def _leave(signals: Signals, code: int) -> int:
    """End at once: tasks that still run in threads would keep the process alive until they are done."""
    from orion.sdk.session import close_all

    if signals.heartbeat is not None:
        signals.heartbeat.stop()
    close_all(timeout=5)
    _tidy_up()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(run_id: str, token: str | None, signals: Signals) -> int:
    from orion.sdk.session import session

    here = session()
    here.connected()
    if token:
        signals.heartbeat = _beat(here, run_id, token, signals)
    run = here.sync.read_flow_run(run_id)
    flow = _load(here, run, token)
    if flow is None:
        return 1
    return _execute(here, run, flow, token)


def _beat(here: Session, run_id: str, token: str, signals: Signals) -> Heartbeat:
    from orion.sdk.heartbeat import Heartbeat

    beat = Heartbeat(here.connection, run_id, token, here.settings.heartbeat_seconds, signals.cancel)
    beat.start()
    return beat


def _load(here: Session, run: FlowRun, token: str | None) -> Flow[Any, Any] | None:
    """The flow of the run's deployment; None, with the run CRASHED and told why, when it cannot be had."""
    try:
        return _flow_of(here, run)
    except Exception as error:
        _report_crash(here, run, error, token)
        return None


def _flow_of(here: Session, run: FlowRun) -> Flow[Any, Any]:
    from orion.sdk import code
    from orion.sdk.errors import ScriptError
    from orion.sdk.loading import load_flow_from_entrypoint

    if run.deployment_id is None:
        raise ScriptError("The flow run has no deployment, so it is not known where its flow is.")
    deployment = here.sync.read_deployment(run.deployment_id)
    if not deployment.entrypoint:
        raise ScriptError(
            f"The deployment {deployment.name!r} has no entrypoint: it must name a file and a flow in it."
        )
    _fill_in_environment(here, run, deployment)
    folder, flow = _fetched(here, run, deployment)
    if flow is not None:
        return flow
    if folder is None and deployment.path:
        folder = Path(deployment.path).expanduser()
    if folder is not None:
        _enter(folder, run)
    return load_flow_from_entrypoint(code.at(folder, deployment.entrypoint))


def _fetched(
    here: Session, run: FlowRun, deployment: Deployment
) -> tuple[Path | None, Flow[Any, Any] | None]:
    """A fresh folder with the code from the deployment's storage, and the flow if it came in a package."""
    import tempfile

    from orion.sdk import code

    storage = code.storage_of(deployment, here.sync)
    if storage is None:
        return None, None
    own = Path.cwd() if Path.cwd().name.startswith(f"orion-{run.id}-") else None  # an agent tidies that up
    folder = Path(tempfile.mkdtemp(prefix="orion-code-", dir=own))
    FETCHED.append(folder)
    flow = code.fetch(storage, deployment, folder)
    if flow is not None:
        _enter(folder, run)
    return folder, flow


def _fill_in_environment(here: Session, run: FlowRun, deployment: Deployment) -> None:
    """Put in place what the environment of the job variables refers to; it comes here as it was written."""
    from orion.blocks import api, references
    from orion.model.wire import unraw

    given = [(unraw(owner.job_variables) or {}).get("env") or {} for owner in (deployment, run)]
    names = {name for env in given for name in env if references.has_reference(os.environ.get(name))}
    for name in sorted(names):
        value = api.blocking(references.resolve(os.environ[name]), here.sync)
        os.environ[name] = value if isinstance(value, str) else json.dumps(value)


def _enter(folder: Path, run: FlowRun) -> None:
    """The deployment's folder holds the code and is the working directory, unless the run names another."""
    from orion.model.wire import unraw
    from orion.sdk.errors import ScriptError

    if not folder.is_dir():
        raise ScriptError(f"The folder of the deployment, {folder}, is not on this machine.")
    sys.path.insert(0, str(folder))
    if (unraw(run.job_variables) or {}).get("working_dir"):
        return
    os.chdir(folder)


def _report_crash(here: Session, run: FlowRun, error: Exception, token: str | None) -> None:
    import logging

    from orion.sdk.errors import ScriptError
    from orion.sdk.logs import FLOW_RUNS, RunLogger
    from orion.sdk.proposals import to_wire
    from orion.sdk.states import Crashed, describe

    text = str(error) if isinstance(error, ScriptError) else describe(error)
    fields = {"flow_run_id": run.id, "flow_run_name": run.name, "orion_session": here}
    trace = None if isinstance(error, ScriptError) else error
    RunLogger(logging.getLogger(FLOW_RUNS), fields).error(
        "The flow cannot be loaded. %s", text, exc_info=trace
    )
    here.flush_logs(timeout=10)
    state = Crashed(message=f"The flow cannot be loaded: {text.splitlines()[0]}")
    here.sync.set_flow_run_state(run.id, to_wire(state), False, token)


def _execute(here: Session, run: FlowRun, flow: Flow[Any, Any], token: str | None) -> int:
    from orion.model.wire import unraw
    from orion.sdk.effects import adrive, drive
    from orion.sdk.errors import Abort
    from orion.sdk.flow_call import FlowCall
    from orion.sdk.flow_engine import run_existing

    call = FlowCall(flow, {}, here, token=token)
    steps = run_existing(call, run, unraw(run.parameters) or {})
    try:
        if not flow.isasync:
            drive(steps)
        else:
            import asyncio

            asyncio.run(adrive(steps))
    except Abort:
        return 0
    except Exception as error:
        print(f"The flow run {run.name!r} ended by {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _container_without_api() -> str | None:
    from orion.settings import current

    inside = Path("/.dockerenv").exists() or "KUBERNETES_SERVICE_HOST" in os.environ
    if inside and os.environ.get(ATTEMPT) and not current().api_url:
        return "A run in a container needs an API that it can reach: set ORION_API_URL."
    return None


if __name__ == "__main__":
    sys.exit(main())
