"""Pictures of the real console for the documentation: a seeded server, Chromium, light and dark, wide and narrow.

python scripts/screenshots.py            # into docs/images/
python scripts/screenshots.py FOLDER     # somewhere else, to look at
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from orion.model.filters import Filters, FlowFilter, FlowRunFilter, IdCriterion  # noqa: E402
from orion.model.times import utcnow  # noqa: E402
from orion.settings import load  # noqa: E402
from orion.store import Conn, Store, deployments, flow_runs, open_store, task_runs  # noqa: E402
from orion.web.factory import build_app  # noqa: E402
from orion.web.pages.shared import found  # noqa: E402
from tests.seed import Seeded, seed  # noqa: E402

SIZES = {1280: 900, 390: 844}
HEAVY, LOW = ("flow-run", "radar"), 720  # pixels, so that no picture is over 150 KB
THEMES = ("light", "dark")
DOCUMENTED = ("runs", "flow-run", "deployments", "deployment", "queues", "radar")
DRAWINGS = {"error-404": "error", "task-run": "flow-run", "queues": "queue", "policy": "notifications"}
SETTLED = "html[data-live=live], body:not(:has([hx-sse\\:connect]))"


def pages(seeded: Seeded, store: Store) -> dict[str, str]:
    """Every page, by the picture's name."""
    run, parent = seeded.runs["cobalt-heron"], seeded.runs["loyal-finch"]
    deployment = seeded.deployments["nightly-warehouse-load/prod"]
    facts = store.read_now(_ids, run, deployment)
    return {
        "runs": "/runs?range=24h",
        "flow-run": f"/runs/{run}",
        "flow-run-logs": f"/runs/{run}/logs",
        "flow-run-tasks": f"/runs/{run}/tasks",
        "flow-run-subflows": f"/runs/{parent}/subflows",
        "flow-run-parameters": f"/runs/{run}/parameters",
        "flow-run-events": f"/runs/{run}/events",
        "radar": f"/runs/{run}/radar",
        "compare": f"/runs/compare?a={facts['other']}&b={run}",
        "task-run": f"/task-runs/{facts['task']}",
        "flows": "/flows",
        "flow": f"/flows/{facts['flow']}",
        "deployments": "/deployments",
        "deployment": f"/deployments/{deployment}",
        "deployment-json": f"/deployments/{deployment}?view=json",
        "deployment-edit": f"/deployments/{deployment}/edit",
        "backfill": f"/deployments/{deployment}/backfill",
        "queues": "/queues",
        "queue": f"/queues/{facts['queue']}",
        "queue-edit": f"/queues/{facts['queue']}/edit",
        "blocks": "/blocks",
        "catalog": "/blocks/catalog",
        "artifacts": "/artifacts",
        "variables": "/variables",
        "notifications": "/notifications",
        "limits": "/limits",
        "settings": "/settings",
        "health": "/health",
        "search": "/search?q=load",
        "error-404": "/nothing-here",
        "waiting": f"/runs/{seeded.runs['close-14-30']}",
    }


def _ids(conn: Conn, run: str, deployment: str) -> dict[str, str]:
    """Ids of things that the pages show and the seed does not name."""
    own = found(deployments.get(conn, deployment), "deployment")
    of_flow = Filters(flows=FlowFilter(id=IdCriterion(any_=[own.flow_id])))
    others = flow_runs.filter(conn, of_flow, "EXPECTED_START_TIME_DESC", 50, 0, now=utcnow())
    tasks = task_runs.filter(
        conn, Filters(flow_runs=FlowRunFilter(id=IdCriterion(any_=[run]))), "EXPECTED_START_TIME_ASC", 1, 0
    )
    done = [each.id for each in others if each.state_type == "COMPLETED"]
    return {"other": done[0], "task": tasks[0].id, "flow": own.flow_id, "queue": str(own.work_queue_id)}


@contextmanager
def console(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a server on which two days have passed."""
    store = open_store(f"sqlite:///{folder / 'orion.db'}")
    seeded = seed(store, utcnow(), busy=True)
    app = build_app(load({"ORION_HOME": str(folder)}), store, services=False)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", pages(seeded, store)
    server.should_exit = True
    thread.join(10)
    store.close()


def take(browser: Browser, url: str, shown: dict[str, str], folder: Path) -> None:
    """A picture of each page in each theme and width."""
    for theme in THEMES:
        for width, height in SIZES.items():
            context = browser.new_context(color_scheme=theme)  # type: ignore[arg-type]
            page = context.new_page()
            for name, address in shown.items():
                low = width > LOW and name in HEAVY
                page.set_viewport_size({"width": width, "height": LOW if low else height})
                if show(page, url + address):
                    page.screenshot(path=folder / f"{name}-{width}-{theme}.png")
            context.close()


def show(page: Page, address: str) -> bool:
    """Open a page and wait until it is live; one that fails ends the script, one that is not there is left out."""
    answer = page.goto(address)
    if answer is None or answer.status not in (200, 404):
        raise SystemExit(f"{address} cannot be shown: {answer and answer.status}")
    page.locator(SETTLED).first.wait_for(state="attached")
    return answer.ok or address.endswith("/nothing-here")


def beside(folder: Path, drawn: Path) -> None:
    """FOLDER/index.html: each picture beside the drawing that it follows."""
    shown = sorted(path.stem for path in folder.glob("*.png"))
    rows = "".join(_row(name, drawn) for name in shown)
    folder.joinpath("index.html").write_text(f"<!doctype html><meta charset=utf-8><table>{rows}</table>")


def _row(stem: str, drawn: Path) -> str:
    name, width, theme = stem.rsplit("-", 2)
    drawing = drawn.resolve() / f"{DRAWINGS.get(name, name)}-{width}-{theme}.png"
    wide = 640 if width == "1280" else 390
    beside = f"<img width={wide} src='{drawing.as_uri()}'>" if drawing.exists() else "not drawn"
    return f"<tr><th colspan=2>{stem}<tr valign=top><td><img width={wide} src='{stem}.png'><td>{beside}"


def main(folder: Path | None, drawn: Path | None, only: list[str]) -> None:
    """Take the pictures that the documentation shows, or those of every page."""
    into = folder or ROOT / "docs" / "images"
    into.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        console(Path(home)) as (url, every),
        sync_playwright() as playwright,
    ):
        chosen = only or (list(every) if folder else DOCUMENTED)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        take(browser, url, {name: every[name] for name in chosen}, into)
        browser.close()
    if drawn is not None:
        beside(into, drawn)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--mock", type=Path, help="the folder of the drawings")
    parser.add_argument("--only", action="append", default=[], help="the name of a page, may be repeated")
    asked = parser.parse_args()
    main(asked.folder, asked.mock, asked.only)
