"""The line under the run form: pasted into a shell and read by the command itself, it makes the run of the form."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from orion.cli.api import Api
from orion.cli.root import run as at_prompt
from orion.sdk.exchange import Request
from tests.web import makers
from tests.web.browser import Client
from tests.web.pages import HTML

pytestmark = pytest.mark.row("UI-18")
SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "default": 1},
        "ratio": {"type": "number", "default": 1},
        "text": {"type": "string", "default": "x"},
        "other": {"type": "string"},
        "digits": {"type": "string"},
        "yes": {"type": "boolean", "default": True},
        "any": {"default": 1},
        "list": {"type": "array", "items": {"type": "string"}},
        "deep": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
    },
}
HARD = "it's $HOME; `id` \"two\"\nlines & more=1 \\"


class Sender:
    """What the commands talk through: the app in this process."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def send(self, request: Request[Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        address, body = f"/api{request.path}", request.body
        answer: httpx.Response = self.client.request(request.method, address, content=body, headers=headers)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture
def prompt(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The client, to which commands of this process talk too."""

    @contextmanager
    def here() -> Iterator[Api]:
        yield Api(Sender(client))  # type: ignore[arg-type]

    monkeypatch.setattr("orion.cli.deployments.api", here)
    return client


def words(line: str) -> list[str]:
    """The arguments that a shell makes of a line that begins with `orion`."""
    script = f"orion() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return shell.stdout.split("\0")[:-1]


def test_the_copied_line_makes_the_run_of_the_form(prompt: Client) -> None:
    flow = makers.flow(prompt, "it's a flow")["id"]
    deployment = makers.deployment(
        prompt, flow, name="the day's", parameters={"n": 2}, parameter_openapi_schema=SCHEMA
    )
    page = f"/deployments/{deployment['id']}/run"
    form = {
        "p.n": "1", "p.ratio": "0.5", "p.text": HARD, "p.other": "-1", "p.digits": "007", "p.yes": "false",
        "p.any": "true", "p.list~": "1", "p.list": ["a b", "[", "null"], "p.deep.a": "1e5", "p.deep.b": "3",
        "start": "2031-05-06T07:08", "name": "--watch 'now'", "idempotency_key": "k",
    }  # fmt: skip
    headers = {**HTML, "Cookie": "tz=Asia/Kolkata"}
    shown = prompt.post(page, data={**form, "preview": "1"}, headers=headers).text
    made = prompt.post(page, data=form, headers=headers).headers["location"].rpartition("/")[2]
    line = html.unescape(re.findall(r'data-copy="(orion deployment run[^"]*)"', shown)[0])
    assert at_prompt(words(line)) == 0
    runs = prompt.post("/api/flow_runs/filter", json={"flows": {"id": {"any_": [flow]}}}).json()
    by_form, by_line = sorted(runs, key=lambda run: run["id"] != made)
    assert by_form["parameters"]["text"] == HARD and by_form["parameters"]["any"] is True
    same = ("name", "parameters", "state_type", "state_name", "expected_start_time", "deployment_id", "tags")
    assert {key: by_line[key] for key in same} == {key: by_form[key] for key in same}
    assert by_form["expected_start_time"].startswith("2031-05-06T01:38:00")


def test_a_start_that_is_no_time_is_left_out_of_the_line(client: Client) -> None:
    deployment = makers.deployment(client)["id"]
    page = client.post(f"/deployments/{deployment}/run", data={"start": "soon", "name": "x"}, headers=HTML)
    assert page.status_code == 422
    line = html.unescape(re.findall(r'data-copy="(orion deployment run[^"]*)"', page.text)[0])
    assert "--start-at" not in line and line.endswith("--name x")
