"""A few hundred requests of `python -m tests.fuzz`: whatever is sent to the API and the console, one shape answers."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.fuzz.campaign import WAYS, campaign
from tests.fuzz.console import Ask
from tests.fuzz.console import faults as of_page
from tests.fuzz.requests import Operation, Request
from tests.fuzz.verdict import Judge, names_the_field

STEPS = 240
IN_TURN = tuple(way for way in WAYS if way != "twice")  # what the seed alone decides


@pytest.mark.row("API-28")
def test_whatever_is_sent_gets_its_due(database_url: str, tmp_path: Path) -> None:
    """I12: never a 500, refusals in one shape that name the field, nothing half done, a sound database in the end."""
    with campaign(database_url, tmp_path, seed=5) as running:
        for _ in range(STEPS):
            running.step(IN_TURN)
        report = running.finish()
    assert not report.faults, report.text()
    assert {200, 201, 204, 303, 400, 404, 405, 415, 422} <= report.statuses.keys(), report.text()


ROUTE = Operation("POST", "/api/things/", [], {}, {201: {"type": "object", "required": ["id"]}})
SENT = Request(ROUTE, "POST", "/api/things/", b"{}", wrong=("state", "name"), usual=True)
FAULT = {"loc": ["body", "state", "name"], "msg": "Expected `str`", "type": "value_error"}
REFUSED = {
    "exception_message": "Invalid request received.",
    "exception_detail": [FAULT],
    "request_body": None,
}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"exception_message": "Internal Server Error"}),
        (200, {"id": "x"}),
        (201, {}),
        (418, {"detail": "no"}),
        (404, {"error": "no"}),
        (404, {"detail": ""}),
        (409, {"detail": "sqlite3.IntegrityError: no"}),
        (422, {**REFUSED, "exception_detail": []}),
    ],
)
def test_the_judge_sees_an_answer_that_should_not_be(status: int, body: object) -> None:
    judge = Judge({"components": {}})
    assert judge.faults(SENT, httpx.Response(status, json=body))


def test_the_judge_takes_what_is_right_and_misses_a_field_that_is_not_named() -> None:
    judge, refused = Judge({"components": {}}), httpx.Response(422, json=REFUSED)
    assert not judge.faults(SENT, httpx.Response(201, json={"id": "x"})) and not judge.faults(SENT, refused)
    assert names_the_field(SENT, refused)
    other = {**REFUSED, "exception_detail": [{**FAULT, "loc": ["body"]}]}
    assert not names_the_field(SENT, httpx.Response(422, json=other))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(303, headers={"Location": "//evil.test/"}),
        httpx.Response(422, text=""),
        httpx.Response(200, html="<p><script>alert(1)</script>"),
        httpx.Response(400, html="<pre>Traceback (most recent call last)"),
    ],
)
def test_the_judge_sees_a_page_that_should_not_be(answer: httpx.Response) -> None:
    assert of_page(Ask("GET", "/", {}), answer)
