"""Pictures of the real console for the documentation: a seeded server, Chromium, light and dark, wide and narrow.

python scripts/screenshots.py            # into docs/images/
python scripts/screenshots.py FOLDER     # somewhere else, to look at
python scripts/screenshots.py --gallery  # every page, and docs/reference/pages.md that shows them all
python scripts/screenshots.py --controls # each kind of control in each of its states: docs/images/controls.jpg

With `--mock FOLDER` each picture stands beside the drawing that it follows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from orion.model.filters import Filters, FlowFilter, FlowRunFilter, IdCriterion  # noqa: E402
from orion.model.task_runs import TaskRun  # noqa: E402
from orion.model.times import utcnow  # noqa: E402
from orion.services.health import report  # noqa: E402
from orion.settings import load  # noqa: E402
from orion.store import Conn, Store, deployments, flow_runs, open_store, task_runs  # noqa: E402
from orion.web.factory import build_app  # noqa: E402
from orion.web.pages.shared import found  # noqa: E402
from scripts import controls  # noqa: E402
from tasks.clock import Clock  # noqa: E402
from tests.browser.conftest import FLAGS, chromium  # noqa: E402
from tests.seed import Seeded, seed  # noqa: E402

SIZES = {1280: 900, 390: 844}
HEAVY, LOW = ("flow-run", "radar"), 720  # pixels, so that no picture is over 150 KB
THEMES = ("light", "dark")
DOCUMENTED = ("runs", "flow-run", "deployments", "deployment", "queues", "radar")
GALLERY = ((1280, "light"), (390, "dark"))  # the looks of every page in the documentation
QUALITY = 60
CONTROLS = "controls.jpg"
DRAWINGS = {"error-404": "error", "task-run": "flow-run", "queues": "queue", "policy": "notifications", "gone": "error",
            "block": "blocks", "block-new": "blocks", "catalog": "blocks", "waiting": "queue"}  # fmt: skip
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
        "radar-focus": f"/runs/{run}/radar?task={facts['failed']}",
        "compare-choose": f"/runs/compare?b={run}",
        "queue-new": "/queues/new",
        "block-type": "/blocks/catalog/slack-webhook",
        "block-new": "/blocks/catalog/s3/create",
        "docs": "/docs",
    }


def furnished(url: str, seeded: Seeded) -> dict[str, str]:
    """What the seed leaves out, made over the API: blocks, a policy, variables, limits, artifacts. Their pages."""
    with httpx.Client(base_url=f"{url}/api") as api:
        secret = _block(api, "secret", "warehouse-token", {"value": "s3cr3t"})
        hook = _block(api, "slack-webhook", "oncall", {"url": "https://hooks.example.com/T00/B00"})
        for names, tags in ((["Failed", "Crashed"], ["finance"]), (["Late"], [])):
            body = {"state_names": names, "tags": tags, "block_document_id": hook, "is_active": bool(tags)}
            policy = api.post("/flow_run_notification_policies/", json=body).raise_for_status().json()["id"]
        for name, value in (("region", "eu-central"), ("batch", {"rows": 5000, "workers": 4})):
            variable = (
                api.post("/variables/", json={"name": name, "value": value}).raise_for_status().json()["id"]
            )
        for tag, most in (("warehouse", 3), ("gpu", 2)):
            api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": most}).raise_for_status()
        text = "# Load\n\n| table | rows |\n|---|--:|\n| orders | 18,204 |\n| refunds | 312 |\n"
        own = {
            "key": "load-report",
            "type": "markdown",
            "data": text,
            "flow_run_id": seeded.runs["silver-ibex"],
        }
        artifact = api.post("/artifacts/", json=own).raise_for_status().json()["id"]
        run = api.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
        api.delete(f"/flow_runs/{run}").raise_for_status()
    return {
        "block": f"/blocks/{secret}",
        "block-edit": f"/blocks/{hook}/edit",
        "block-delete": f"/blocks/{hook}/delete",
        "policy": f"/notifications/{policy}/edit",
        "variable-edit": f"/variables/{variable}/edit",
        "artifact": f"/artifacts/{artifact}",
        "gone": f"/runs/{run}",
    }


def _block(api: httpx.Client, slug: str, name: str, data: dict[str, str]) -> str:
    """A block of a type that is there; its id."""
    kind = api.get(f"/block_types/slug/{slug}").raise_for_status().json()["id"]
    (schema, *_) = api.post(
        "/block_schemas/filter", json={"block_schemas": {"block_type_id": {"any_": [kind]}}}
    ).json()
    body = {"name": name, "data": data, "block_type_id": kind, "block_schema_id": schema["id"]}
    return str(api.post("/block_documents/", json=body).raise_for_status().json()["id"])


ABSENT = ("error-404", "gone")
EMPTY = {
    f"empty-{name}": f"/{name}"
    for name in ("runs", "flows", "deployments", "queues", "blocks", "artifacts", "variables", "limits",
                 "notifications", "health")
}  # fmt: skip


def _ids(conn: Conn, run: str, deployment: str) -> dict[str, str]:
    """Ids of things that the pages show and the seed does not name."""
    own = found(deployments.get(conn, deployment), "deployment")
    of_flow = Filters(flows=FlowFilter(id=IdCriterion(any_=[own.flow_id])))
    others = flow_runs.filter(conn, of_flow, "EXPECTED_START_TIME_DESC", 50, 0, now=utcnow())
    tasks = _tasks(conn, run)
    done = [each.id for each in others if each.state_type == "COMPLETED"]
    failed = [each.id for each in _tasks(conn, run) if each.state_type == "FAILED"]
    return {
        "other": done[0],
        "task": tasks[0].id,
        "failed": failed[0],
        "flow": own.flow_id,
        "queue": str(own.work_queue_id),
    }


def _tasks(conn: Conn, run: str) -> list[TaskRun]:
    of_run = Filters(flow_runs=FlowRunFilter(id=IdCriterion(any_=[run])))
    return task_runs.filter(conn, of_run, "EXPECTED_START_TIME_ASC", 50, 0)


@contextmanager
def console(folder: Path, *, empty: bool = False) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a server on which two days have passed and a clock runs, or nothing yet; and its pages."""
    folder.mkdir(exist_ok=True)
    store = open_store(f"sqlite:///{folder / 'orion.db'}")
    seeded = Seeded() if empty else seed(store, utcnow(), busy=True)
    settings = load({"ORION_HOME": str(folder)})
    app, clock = build_app(settings, store, services=False), Clock(store, settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    shown = EMPTY if empty else {**pages(seeded, store), **furnished(url, seeded)}
    if not empty:
        clock.start()
        _wait_for_the_first_beats(store)
    yield url, shown
    if not empty:
        clock.stop()
    server.should_exit = True
    thread.join(10)
    store.close()


def _wait_for_the_first_beats(store: Store) -> None:
    """Until every duty has run once, so that the page of the health has something to tell."""
    while any(each.last_finished is None for each in report(store, utcnow())):
        time.sleep(0.05)


def take(browser: Browser, url: str, shown: dict[str, str], folder: Path) -> None:
    """A picture of each page in each theme and width."""
    for theme in THEMES:
        for width, height in SIZES.items():
            context = browser.new_context(color_scheme=theme)  # type: ignore[arg-type]
            page = context.new_page()
            for name, address in shown.items():
                low = width > LOW and name in HEAVY
                page.set_viewport_size({"width": width, "height": LOW if low else height})
                show(page, url + address, 404 if name in ABSENT else 200)
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png")
            context.close()


def exhibit(browser: Browser, url: str, shown: dict[str, str], folder: Path) -> None:
    """A small picture of each page in the looks of the gallery."""
    for width, theme in GALLERY:
        context = browser.new_context(
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": width, "height": SIZES[width]},
        )
        page = context.new_page()
        for name, address in shown.items():
            show(page, url + address, 404 if name in ABSENT else 200)
            page.screenshot(path=folder / f"{name}-{width}-{theme}.jpg", type="jpeg", quality=QUALITY)
        context.close()


def copied(browser: Browser, drawn: Path, folder: Path) -> None:
    """The drawings in the looks of the gallery, as small as the pictures."""
    page = browser.new_page()
    for width, theme in GALLERY:
        for path in sorted(drawn.glob(f"*-{width}-{theme}.png")):
            page.set_viewport_size({"width": width, "height": SIZES[width]})
            page.goto(path.resolve().as_uri())
            page.screenshot(path=folder / f"{path.stem}.jpg", type="jpeg", quality=QUALITY)
    page.close()


def gallery(names: list[str], images: Path, text: Path) -> None:
    """The page of the documentation that shows every page as it is, and where one was drawn before, the drawing."""
    rows = [
        "# The console, page by page",
        "",
        "Every page as it is, light and wide, dark and narrow; beside it the drawing that it follows, if there is one.",
        "Made by `python scripts/screenshots.py --gallery`.",
    ]
    for name in names:
        rows += [
            "",
            f"## {name.replace('-', ' ').capitalize()}",
            "",
            "| as it is | as it was drawn |",
            "|---|---|",
        ]
        for width, theme in GALLERY:
            drawing = images / "mock" / f"{DRAWINGS.get(name, name)}-{width}-{theme}.jpg"
            beside = f"![The drawing](../images/mock/{drawing.name})" if drawing.exists() else "–"
            rows.append(
                f"| ![{name}, {width} pixels, {theme}](../images/pages/{name}-{width}-{theme}.jpg) | {beside} |"
            )
    words = "Each kind of control as it stands, under the pointer, with the focus, and pressed."
    rows += ["", "## Controls", "", words, "", f"![Every control in every state, light and dark](../images/{CONTROLS})"]
    text.write_text("\n".join(rows) + "\n", encoding="utf-8")


def show(page: Page, address: str, status: int) -> None:
    """Open a page and wait until it is live; one that answers with another status ends the script."""
    answer = page.goto(address)
    if answer is None or answer.status != status:
        raise SystemExit(f"{address} cannot be shown: {answer and answer.status}")
    page.locator(SETTLED).first.wait_for(state="attached")


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


def take_all(drawn: Path | None) -> None:
    """Every page, full and empty, into the gallery of the documentation."""
    images, text = ROOT / "docs" / "images", ROOT / "docs" / "reference" / "pages.md"
    into = images / "pages"
    into.mkdir(parents=True, exist_ok=True)
    names = list[str]()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for empty in (False, True):
            with console(Path(home) / str(empty), empty=empty) as (url, every):
                exhibit(browser, url, every, into)
                if not empty:
                    controls.take(browser, url, every, images / CONTROLS)
                names += every
        if drawn is not None:
            (images / "mock").mkdir(exist_ok=True)
            copied(browser, drawn, images / "mock")
        browser.close()
    gallery(names, images, text)


def take_controls(path: Path) -> None:
    """The picture of all controls."""
    with (
        tempfile.TemporaryDirectory() as home,
        console(Path(home)) as (url, every),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        controls.take(browser, url, every, path)
        browser.close()


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
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
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
    parser.add_argument("--gallery", action="store_true", help="every page, into the documentation")
    parser.add_argument("--controls", action="store_true", help="every control in every state, in one picture")
    asked = parser.parse_args()
    if asked.controls:
        take_controls((asked.folder or ROOT / "docs" / "images") / CONTROLS)
        raise SystemExit
    if asked.gallery:
        take_all(asked.mock)
        raise SystemExit
    main(asked.folder, asked.mock, asked.only)
