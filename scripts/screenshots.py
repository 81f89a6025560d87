"""Pictures of the real console for the documentation: a seeded server, Chromium, light and dark, wide and narrow.

python scripts/screenshots.py            # into docs/images/
python scripts/screenshots.py FOLDER     # somewhere else, to look at
"""

from __future__ import annotations

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

from orion.model.times import utcnow  # noqa: E402
from orion.settings import load  # noqa: E402
from orion.store import open_store  # noqa: E402
from orion.web.factory import build_app  # noqa: E402
from tests.seed import Seeded, seed  # noqa: E402

SIZES = {1280: 900, 390: 844}
HEAVY, LOW = ("flow-run", "radar"), 720  # pixels, so that no picture is over 150 KB
THEMES = ("light", "dark")
SETTLED = "html[data-live=live], body:not(:has([hx-sse\\:connect]))"


def pages(seeded: Seeded) -> dict[str, str]:
    """What is shown, by the picture's name."""
    return {
        "runs": "/runs?range=24h",
        "flow-run": f"/runs/{seeded.runs['cobalt-heron']}",
        "deployments": "/deployments",
        "deployment": f"/deployments/{seeded.deployments['nightly-warehouse-load/prod']}",
        "queues": "/queues",
        "radar": f"/runs/{seeded.runs['cobalt-heron']}/radar",
    }


@contextmanager
def console(folder: Path) -> Iterator[tuple[str, Seeded]]:
    """The address of a server on which two days have passed."""
    store = open_store(f"sqlite:///{folder / 'orion.db'}")
    seeded = seed(store, utcnow(), busy=True)
    app = build_app(load({"ORION_HOME": str(folder)}), store, services=False)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", seeded
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
                show(page, url + address)
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png")
            context.close()


def show(page: Page, address: str) -> None:
    """Open a page and wait until it is live; a page that fails ends the script."""
    answer = page.goto(address)
    if answer is None or not answer.ok:
        raise SystemExit(f"{address} cannot be shown: {answer and answer.status}")
    page.locator(SETTLED).first.wait_for(state="attached")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        console(Path(home)) as (url, seeded),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        take(browser, url, pages(seeded), folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
