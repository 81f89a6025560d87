"""Requests made by chance from the operations of the OpenAPI document: good ones, nearly good ones and hostile ones."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.fuzz.values import Place, Values, broken, kind_of, text_of

JSON = "application/json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
MEDIA = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "a" * 3000,
         "application/json; charset=utf-16", "application/octet-stream")  # fmt: skip
NAMES = (
    "nobody",
    "%2e%2e%2f",
    "a%2Fb",
    "%00",
    "%ff%fe",
    "a" * 3000,
    "%E2%80%AE",
    "'",
    "%25",
    "*",
    "..",
    "%0d%0aX:%20y",
)
QUERIES = ("a=%ff", "=", "&&&", "limit=-1", "a=" + "b" * 3000, "%00=1", "include_secrets=maybe", "flow_run_id=x",
           "flow_run_id=%00", "duty=nope", "format=exe", "version=%ff")  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {"X-PREFECT-API-VERSION": "x"}, {"X-PREFECT-API-VERSION": "0.0.1"}, {"X-PREFECT-API-VERSION": "9" * 400 + ".1.2"},
    {"Orion-Attempt": "new"}, {"Orion-Attempt": "é" * 500}, {"Accept": "text/html"}, {"Accept": "*" * 2000},
    {"User-Agent": "prefect/2.20.1 (API 0.8.4)"}, {"User-Agent": "prefect/9" + "." * 500},
    {"Accept-Encoding": "gzip"},
    {"Content-Encoding": "gzip"}, {"Content-Length": "99999999999999999999"}, {"Content-Length": "-5"},
    {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#" + "x" * 900}, {"Cookie": "a" * 3000},
    {"Idempotency-Key": "\xff"}, {"Authorization": "Bearer \xff"}, {"Sec-Fetch-Site": "cross-site"},
    {"Host": "evil.test"},
    {"Origin": "null"}, {"X-Forwarded-For": "1.2.3.4"}, {"If-None-Match": "*"}, {"Range": "bytes=5-2"},
)  # fmt: skip


KINDS = {"v2": "v2 limits", "ui": "flow_runs"}


@dataclass(frozen=True)
class Operation:
    """A route of the document."""

    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    answers: dict[int, dict[str, Any] | None]

    @property
    def kind(self) -> str:
        """The kind of object that is made or read: `flow_runs`."""
        parts = [part for part in self.path.split("/")[2:] if part and not part.startswith("{")]
        if parts[-1] in ("create_flow_run", "get_runs"):
            return "flow_runs"
        return (
            "schedules"
            if parts[-1] == "schedules" and self.method == "POST"
            else KINDS.get(parts[0], parts[0])
        )

    @property
    def weight(self) -> float:
        """How often it is asked for: what deletes a lot, seldom."""
        return 0.2 if self.method == "DELETE" or "bulk_delete" in self.path else 1.0


@dataclass(frozen=True)
class Request:
    """One request; `wrong` is the place of the one thing that is wrong in its body, `base` the body without it."""

    operation: Operation
    method: str
    path: str
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wrong: Place | None = None
    base: bytes = b""
    usual: bool = False  # the operation's own method, path and headers

    def __str__(self) -> str:
        told = {name: value[:80] for name, value in self.headers.items()}
        return f"{self.method} {self.path[:300]} {told} {self.content[:1500]!r}"


def operations(document: dict[str, Any]) -> list[Operation]:
    """Every operation of a document."""
    return [
        _operation(method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    body = operation.get("requestBody")
    answers = {
        int(code): answer.get("content", {}).get(JSON, {}).get("schema")
        for code, answer in operation["responses"].items()
        if code.startswith("2")
    }
    schema = body["content"][JSON]["schema"] if body else None
    return Operation(method, path, operation["parameters"], schema, answers)


class Maker:
    """Makes requests by chance."""

    def __init__(self, rng: random.Random, values: Values, names: dict[str, list[str]]) -> None:
        self.rng, self.values, self.names = rng, values, names

    def valid(self, operation: Operation) -> Request:
        """A request as the document describes it, mostly about objects that are there."""
        content = b"" if operation.body is None else text_of(self._body(operation), self.rng)
        return self._request(operation, content)

    def nearly(self, operation: Operation) -> Request:
        """The same with one thing wrong in the body."""
        if operation.body is None:
            return self.odd(operation)
        body = self._body(operation)
        spoiled, place = self.values.spoil(body)
        request = self._request(operation, text_of(harmless(operation, spoiled), random.Random(1)))
        return Request(**{**vars(request), "wrong": place, "base": text_of(body, random.Random(1))})

    def broken(self, operation: Operation) -> Request:
        """A body that is none."""
        request = self.valid(operation)
        content = broken(request.content or b"{}", self.rng)
        return Request(
            **{**vars(request), "content": content, "headers": {"Content-Type": JSON}, "usual": False}
        )

    def odd(self, operation: Operation) -> Request:
        """Another method, media type, header, query or path."""
        made = vars(self.valid(operation)) | {"usual": False}
        headers = (
            {**made["headers"], **self.rng.choice(HEADERS)} if self.rng.random() < 0.5 else made["headers"]
        )
        made["headers"] = headers
        match self.rng.randrange(4):
            case 0:
                made["method"] = self.rng.choice(METHODS)
            case 1:
                made["headers"] = {**headers, "Content-Type": self.rng.choice(MEDIA)}
            case 2:
                made["path"] = made["path"].partition("?")[0] + "?" + "&".join(self.rng.choices(QUERIES, k=2))
            case _:
                made["path"] = re.sub(r"\{\w+\}", lambda _: self.rng.choice(NAMES), operation.path)
                made["path"] += self.rng.choice(("", "/", "//", "/x", "?", "%2f"))
        return Request(**made)

    def _body(self, operation: Operation) -> Any:
        return harmless(operation, self.values.valid(operation.body))

    def _request(self, operation: Operation, content: bytes) -> Request:
        headers = {"Content-Type": JSON} if content else {}
        return Request(operation, operation.method, self._path(operation), content, headers, usual=True)

    def _path(self, operation: Operation) -> str:
        path, asked = operation.path, []
        for parameter in operation.parameters:
            value = self._parameter(operation, parameter)
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
            elif parameter["required"] or self.rng.random() < 0.4:
                asked.append(f"{parameter['name']}={quote(value)}")
        return path + ("?" + "&".join(asked) if asked else "")

    def _parameter(self, operation: Operation, parameter: dict[str, Any]) -> str:
        name, schema = parameter["name"], parameter["schema"]
        if schema.get("format") == "uuid":
            return self.values.one_of(operation.kind) if name == "id" else self.values.an_id(name)
        if schema.get("type") == "boolean":
            return self.rng.choice(("true", "false"))
        kind = (
            kind_of(name.removesuffix("_name"))
            if name.endswith("_name") and name != "id_or_name"
            else operation.kind
        )
        return self.rng.choice([*self.names.get("block_types" if name == "slug" else kind, ()), "nobody"])


def harmless(operation: Operation, body: Any) -> Any:
    """A body that does not empty the whole database: the rest would be about nothing."""
    if "/admin/" in operation.path and isinstance(body, dict) and body.get("confirm"):
        return {**body, "confirm": False}
    return body
