"""Death at each crash point: what was answered is there, what was not is there whole or not at all."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orion.orchestration import claim_runs
from orion.services import notifying
from orion.settings import temporary_settings
from orion.store import Store, open_store, work_queues
from orion.store.crash_points import POINTS, STATUS
from tests.conftest import BOTH, fresh_database
from tests.notify.targets import Target, target
from tests.orchestration.world import World
from tests.servers import CHECKOUT, clean_environment
from tests.services.test_notifying import add_policy, deliveries, fail
from tests.store.test_seam import names, put

NURSERY = """
import json, os, signal, sys, traceback
from orion import settings
from tests.faults import test_crash_points as own

for line in sys.stdin:
    home, point, *rest = json.loads(line)
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        os.environ["ORION_HOME"] = home
        settings.reload()
        try:
            own.KILLED[point](point, *rest)
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def die(work: Callable[[], object], point: str) -> None:
    """Do the work, with the crash point set."""
    with temporary_settings({"ORION_CRASH_AT": point}):
        work()


def migrate(point: str, url: str, _: str) -> None:
    die(lambda: open_store(url), point)


def write(point: str, url: str, _: str) -> None:
    store = open_store(url)
    store.write_now(put, "answered")
    die(lambda: store.write_now(put, "dying"), point)


def claim(point: str, url: str, _: str) -> None:
    world = World(open_store(url))
    world.planned()
    queue = world.queue()
    die(lambda: world.store.write_now(claim_runs, queue, world.now), point)


def tell(point: str, url: str, hook: str) -> None:
    world = World(open_store(url))
    add_policy(world, hook, state_names=["Failed"])
    fail(world)
    die(lambda: notifying.deliver(world.store, world.now), point)


KILLED: dict[str, Callable[[str, str, str], None]] = {
    "migration-step": migrate,
    "writer-before-commit": write,
    "writer-after-commit": write,
    "claim-handed-out": claim,
    "outbox-sent": tell,
}


def migrated(store: Store, hook: Target) -> None:
    assert store.read_now(names) == []
    assert store.write_now(put, "a") == "a"


def only_answered(store: Store, hook: Target) -> None:
    assert store.read_now(names) == ["answered"]


def both(store: Store, hook: Target) -> None:
    assert store.read_now(names) == ["answered", "dying"]


def free(store: Store, hook: Target) -> None:
    queue = store.read_now(work_queues.by_name, "default")
    assert queue is not None
    world = World(store)
    assert len(store.write_now(claim_runs, queue, world.now)) == 1


def told_again(store: Store, hook: Target) -> None:
    world = World(store)
    assert len(hook.keys) == 1
    assert notifying.deliver(store, world.now) == 0
    assert notifying.deliver(store, world.later(120)) == 1
    assert len(hook.keys) == 2 and len(set(hook.keys)) == 1
    assert [each.status for each in deliveries(world)] == ["delivered"]


HOLDS: dict[str, Callable[[Store, Target], None]] = {
    "migration-step": migrated,
    "writer-before-commit": only_answered,
    "writer-after-commit": both,
    "claim-handed-out": free,
    "outbox-sent": told_again,
}


def test_every_point_is_tried() -> None:
    assert set(KILLED) == set(HOLDS) == set(POINTS)


class Nursery:
    """A process that has loaded all that its children need: one of them is there in a moment, and dies alone."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            env=clean_environment(home), cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def child(self, *words: str) -> int:
        """Let a child do something; the exit code with which it died."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps(words), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.process.communicate(timeout=30)


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, point: str, tmp_path: Path) -> Iterator[str]:
    """A database of each kind, without tables for who dies while it makes them."""
    yield from fresh_database(request.param, tmp_path, empty=point == "migration-step")


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_dies_at_a_point_leaves_everything_whole(
    point: str, url: str, tmp_path: Path, nursery: Nursery
) -> None:
    home = str(tmp_path / "home")
    with target() as hook:
        assert nursery.child(home, point, url, hook.url) == STATUS
        if url.startswith("sqlite:"):
            assert_sound(url.removeprefix("sqlite:///"))
        with temporary_settings({"ORION_HOME": home}), closing(open_store(url)) as store:
            HOLDS[point](store, hook)


def assert_sound(path: str) -> None:
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchone() is None
