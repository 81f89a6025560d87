"""Recorded conversations of unmodified clients, replayed: the same requests in the same order get the same answers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import Client, Clock
from tests.web.sockets import Socket

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))
AFTERWARDS = datetime(2026, 11, 24, tzinfo=UTC)
IS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class Replay:
    """Sends recorded requests; ids that the server made then are replaced by those that it makes now."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.ids: dict[str, str] = {}

    def request(self, entry: dict[str, Any]) -> None:
        """Send a request. A block type that the server knows by now without being told is not registered again."""
        if entry["path"].startswith("/api/block_types/") and (known := self.known_type(entry)) is not None:
            if entry["answer"] and "id" in entry["answer"]:
                self.ids[entry["answer"]["id"]] = known["id"]
            return
        body = None if entry["body"] is None else json.loads(self.now(json.dumps(entry["body"])))
        answer = self.client.request(
            entry["method"], self.now(entry["path"]), json=body, headers=entry["headers"]
        )
        where = f"{entry['method']} {entry['path']}: {answer.text[:300]}"
        assert answer.status_code == entry["status"], where
        if entry["answer"] is not None and answer.status_code != 204:
            self.learn(entry["answer"], answer.json(), where)

    def known_type(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        """The built-in type that a request asks for or wants to register."""
        slug = (entry["body"] or {}).get("slug") or entry["path"].rpartition("/")[2]
        answer = self.client.get(f"/api/block_types/slug/{slug}")
        return dict(answer.json()) if answer.status_code == 200 and answer.json()["is_protected"] else None

    async def frames(self, entry: dict[str, Any]) -> None:
        async with Socket(self.client, entry["socket"]) as socket:
            await socket.greet()
            for frame in entry["frames"][1:]:
                socket.say(self.now(json.dumps(frame)))

    def now(self, text: str) -> str:
        return re.sub(IS_ID.__self__.pattern, lambda found: self.ids.get(found[0], found[0]), text)

    def learn(self, then: Any, now: Any, where: str) -> None:
        """Walk both answers: shapes must agree, ids are remembered."""
        assert type(then) is type(now) or {type(then), type(now)} == {int, float}, where
        match then:
            case dict():
                assert then.keys() <= now.keys(), where
                for name, value in then.items():
                    if name not in ("parameters", "context", "fields", "data", "labels"):
                        self.learn(value, now[name], where) if None not in (value, now[name]) else None
            case list():
                assert len(then) == len(now), where
                for one, other in zip(then, now, strict=True):
                    self.learn(one, other, where)
            case str() if IS_ID(then) and IS_ID(now):
                self.ids[then] = now


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_a_recorded_client_gets_the_answers_it_got_then(
    client: Client, clock: Clock, recording: Path
) -> None:
    clock.now = AFTERWARDS
    replay = Replay(client)
    entries = json.loads(recording.read_text())
    sockets = [entry for entry in entries if "socket" in entry]
    for entry in entries:
        if "socket" not in entry:
            replay.request(entry)
    for entry in sockets:
        client.wait(replay.frames(entry))
    assert_the_flow_is_told_whole(client)


def assert_the_flow_is_told_whole(client: Client) -> None:
    """Both flow runs and every task run are COMPLETED, the flaky one at its second try, and the logs are there."""
    flow_runs = client.post("/api/flow_runs/filter", json={}).json()
    assert sorted(run["state_type"] for run in flow_runs) == ["COMPLETED", "COMPLETED"]
    task_runs = client.post("/api/task_runs/filter", json={}).json()
    assert len(task_runs) == 6
    assert {run["state_type"] for run in task_runs} == {"COMPLETED"}
    assert [run["run_count"] for run in task_runs if run["name"].startswith("flaky")] == [2]
    child = next(run for run in flow_runs if run["parent_task_run_id"])
    assert child["parent_task_run_id"] in {run["id"] for run in task_runs}
    messages = [line["message"] for line in client.post("/api/logs/filter", json={}).json()]
    assert {"logged by the flow", "printed by the flow"} <= set(messages)
