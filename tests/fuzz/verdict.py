"""What must hold of an answer, whatever was asked."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import fastjsonschema
import httpx

from tests.fuzz.requests import Request

SHAPES = (
    {"detail"},
    {"exception_message", "exception_detail", "request_body"},
)
REFUSALS = frozenset((400, 401, 403, 404, 405, 409, 410, 413, 415, 421, 422, 423))
INSIDE = re.compile(
    r"Traceback|File \\?\"/|sqlite3\.|psycopg|msgspec|site-packages|object at 0x|\bSELECT\b|\bINSERT\b"
)


class Judge:
    """Compares answers with the document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.components = document["components"]

    def faults(self, request: Request, answer: httpx.Response) -> list[str]:
        """What is wrong with an answer, if anything."""
        if answer.status_code >= 500:
            return [f"{answer.status_code}: {answer.text[:300]}"]
        if answer.is_success:
            return self._of_success(request, answer)
        if answer.is_redirect:
            return (
                [] if answer.status_code == 307 and not request.usual else [f"redirects to {answer.headers}"]
            )
        return self._of_refusal(request, answer)

    def _of_success(self, request: Request, answer: httpx.Response) -> list[str]:
        if not request.usual or request.method != request.operation.method:
            return []
        promised = request.operation.answers
        if answer.status_code not in promised:
            return [f"{answer.status_code} stands not among {sorted(promised)}"]
        schema = promised[answer.status_code]
        if schema is None or "logs/download" in request.path:
            return []
        try:
            _validator(json.dumps(schema), json.dumps(self.components))(json.loads(answer.content or b"null"))
        except fastjsonschema.JsonSchemaException as fault:
            return [f"the answer is not as the document says: {str(fault)[:300]}"]
        return []

    def _of_refusal(self, request: Request, answer: httpx.Response) -> list[str]:
        if answer.status_code not in REFUSALS:
            return [f"{answer.status_code} is no refusal of the contract"]
        if request.method == "HEAD":
            return [] if not answer.content else ["a HEAD was answered with a body"]
        if answer.headers.get("content-type", "") != "application/json":
            return [f"the refusal came as {answer.headers.get('content-type')!r}"]
        body = json.loads(answer.content)
        if set(body) not in SHAPES:
            return [f"the refusal has the shape {sorted(body)}"]
        told = json.dumps(body.get("exception_detail", body.get("detail")))
        if not said(body):
            return ["the refusal says nothing"]
        return [f"the refusal shows the inside: {told[:300]}"] if INSIDE.search(told) else []


def said(body: dict[str, Any]) -> bool:
    """Whether a refusal has a sentence, or for each fault a place and a sentence."""
    if "detail" in body:
        return isinstance(body["detail"], str) and bool(body["detail"].strip())
    details = body["exception_detail"]
    return bool(details) and all(each["loc"] and each["msg"] and each["type"] for each in details)


def names_the_field(request: Request, answer: httpx.Response) -> bool:
    """Whether a 422 names the one place that was wrong: in `loc`, or in what it says."""
    names = [step for step in request.wrong or () if isinstance(step, str)]
    if answer.status_code != 422 or not names:
        return True
    body = answer.json()
    if any(each["type"].startswith("value_error.json") for each in body.get("exception_detail") or ()):
        return True  # it was no JSON at all: NaN, half a pair of surrogates
    told = body.get("detail") or " ".join(f"{each['loc']} {each['msg']}" for each in body["exception_detail"])
    return any(name in told for name in names)


@cache
def _validator(schema: str, components: str) -> Any:
    whole = {**json.loads(schema), "components": json.loads(components)}
    return fastjsonschema.compile(whole, use_formats=False, use_default=False)
