"""Hostile addresses and forms for the console: what a page links to and asks for is learnt from the page itself."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

import httpx

from orion.web.route import Route
from orion.web.routes import MOVED, routes
from tests.fuzz.values import UNKNOWN_ID

TEXTS = (
    "", " ", "x", "0", "-1", "1e400", "99999999999999999999", str(2**31), str(2**63), "NaN", "null", "true",
    "[", "{", "[]", "{}",
    '{"a":' * 120, "[" * 3000, '{"type": "object"}', UNKNOWN_ID, UNKNOWN_ID.upper(), "not-an-id",
    "'; DROP TABLE flow; --",
    "%", "_", "\\", "\0", "\ufffe", "\u202e", "\U0001f600" * 50, "a\r\nSet-Cookie: x=y", "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "//evil.test/", "https://evil.test/",
    "../../../etc/passwd",
    "{{ 7 * 7 }}", "{0.__class__}", "a" * 5000, "2026-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59",
    "2026-13-01T25:61", "yesterday", "24h", "999999999d", "-5m", "* * * * *", "0 0 31 2 *", "FREQ=SECONDLY",
    "Mars/Olympus",
    "best", "NAME_ASC", "COMPLETED", "Failed,nope", "a,b,,c", "0:0", "1|2", "2026-01-01T00:00:00Z~" + UNKNOWN_ID,
)  # fmt: skip
KINDS = {
    "runs": "flow_runs", "task-runs": "task_runs", "queues": "work_queues", "blocks": "block_documents",
    "views": "saved_searches",
    "notifications": "flow_run_notification_policies", "limits": "concurrency_limits",
    "deliveries": "notification_deliveries",
}  # fmt: skip
ASKS: tuple[dict[str, str], ...] = (
    {"Accept": "text/html"}, {"Accept": "text/html"}, {"Accept": "application/json"},
    {"Accept": "text/html", "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page"},
    {"Accept": "text/html", "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "tbody#rows",
    "HX-PTag": "x"},
)  # fmt: skip
REFUSALS = frozenset((400, 403, 404, 405, 409, 410, 413, 415, 422, 423))
SCRIPT = re.compile(r"<script>alert|<img src=x|href=\"javascript:", re.IGNORECASE)
INSIDE = re.compile(r"Traceback \(most|File \"/|sqlite3\.|psycopg\.|msgspec\.|object at 0x")

FORM = "application/x-www-form-urlencoded"
Pairs = list[tuple[str, str]]


@dataclass
class Form:
    """A form of a page: where it leads and what it sends when nothing is changed."""

    method: str
    action: str
    fields: Pairs = field(default_factory=list)


class Page(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address, self.forms, self.links = address, list[Form](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        for name in ("href", "hx-get"):
            if name in told:
                self.links.append(urljoin(self.address, told[name]))
        if tag == "form":
            action = urljoin(self.address, told.get("action", ""))
            self.forms.append(Form(told.get("method", "get").lower(), action))
        elif tag in ("input", "select", "textarea", "button") and told.get("name") and self.forms:
            self.forms[-1].fields.append((told["name"], told.get("value", "")))


@dataclass(frozen=True)
class Ask:
    """One request of a browser."""

    method: str
    path: str
    headers: dict[str, str]
    form: Pairs = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return urlencode(self.form).encode()

    def __str__(self) -> str:
        return f"{self.method} {self.path[:400]} {self.headers} {str(self.form)[:800]}"


class Console:
    """Makes requests for the pages by chance; `learn` reads what a page offers."""

    def __init__(self, rng: random.Random, ids: dict[str, list[str]], names: dict[str, list[str]]) -> None:
        self.rng, self.ids, self.names = rng, ids, names
        table = [route for route in routes(True) if route.page is not None and not route.raw]
        old = {path for path, _ in MOVED}
        self.pages = [route for route in table if route.page_method == "GET"]
        self.weights = [0.03 if route.page in old else 1.0 for route in self.pages]
        self.actions = [route for route in table if route.page_method == "POST"]
        self.asked: dict[str, set[str]] = {}
        self.forms: dict[str, Form] = {}

    def look(self) -> Ask:
        """A page, with what its address may hold and what it may not."""
        rng, route = self.rng, self.rng.choices(self.pages, self.weights)[0]
        path, names = self._path(route), sorted(self.asked.get(str(route.page), ()))
        wanted = rng.sample(names, min(len(names), rng.randrange(4))) + ["nope"] * rng.randrange(2)
        pairs = [(name, rng.choice(TEXTS)) for name in wanted for _ in range(rng.choice((1, 1, 1, 3)))]
        return Ask("GET", path + ("?" + urlencode(pairs) if pairs else ""), rng.choice(ASKS))

    def act(self) -> Ask:
        """A form,
        as its page would send it or with one field wrong; or an action with fields that it never asked for."""
        headers = {**self.rng.choice(ASKS), "Sec-Fetch-Site": "same-origin", "Content-Type": FORM}
        if self.forms and self.rng.random() < 0.8:
            form = self.forms[self.rng.choice(sorted(self.forms))]
            return Ask("POST", form.action, headers, self._spoilt(form.fields))
        names = sorted({name for form in self.forms.values() for name, _ in form.fields}) or ["name"]
        fields = [(self.rng.choice(names), self.rng.choice(TEXTS)) for _ in range(self.rng.randrange(5))]
        return Ask("POST", self._path(self.rng.choice(self.actions)), headers, fields)

    def _spoilt(self, fields: Pairs) -> Pairs:
        made = list(fields)
        for _ in range(self.rng.randrange(3)):
            if made:
                at = self.rng.randrange(len(made))
                made[at] = made[at][0], self.rng.choice(TEXTS)
        if made and self.rng.random() < 0.2:
            made.pop(self.rng.randrange(len(made)))
        if made and self.rng.random() < 0.2:
            made.append((self.rng.choice(made)[0], self.rng.choice(TEXTS)))
        return made

    def _path(self, route: Route) -> str:
        parts, before = [], ""
        for part in str(route.page).split("/"):
            parts.append(quote(self._value(part[1:-1], before), safe="") if part.startswith("{") else part)
            before = before if part.startswith("{") else part
        return "/".join(parts)

    def _value(self, name: str, before: str) -> str:
        if name in ("slug", "key"):
            known = self.names.get({"slug": "block_types", "key": "artifacts"}[name], [])
            return self.rng.choice([*known, "nobody", "a\0b", "..", "<script>"])
        kind = "schedules" if name == "schedule_id" else KINDS.get(before, before)
        return self.rng.choice([*self.ids.get(kind, ()), *self.ids.get(kind, ())[-4:], UNKNOWN_ID])

    def learn(self, ask: Ask, answer: httpx.Response) -> None:
        """What the page that was answered links to and asks for."""
        if answer.status_code != 200 or "text/html" not in answer.headers.get("content-type", ""):
            return
        page = Page(ask.path, answer.text)
        for form in page.forms:
            if form.method == "post":
                self.forms[re.sub(r"[0-9a-f-]{36}", "{id}", urlsplit(form.action).path)] = form
            else:
                self._ask_for(urlsplit(form.action).path, [name for name, _ in form.fields])
        for link in page.links:
            self._ask_for(
                urlsplit(link).path,
                [name for name, _ in parse_qsl(urlsplit(link).query, keep_blank_values=True)],
            )

    def _ask_for(self, path: str, names: list[str]) -> None:
        for route in self.pages:
            if names and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(str(route.page))), path):
                self.asked.setdefault(str(route.page), set()).update(names)


def faults(ask: Ask, answer: httpx.Response) -> list[str]:
    """What is wrong with an answer of the console."""
    status, text = answer.status_code, answer.text
    if status >= 500:
        return [f"{status}: {text[-300:]}"]
    found = []
    if answer.is_redirect:
        place: Any = answer.headers["location"]
        if status not in (303, 307, 308) or urlsplit(place).netloc or place.startswith("/\\"):
            found.append(f"{status} leads to {place!r}")
    elif status >= 400 and (status not in REFUSALS or not text.strip()):
        found.append(f"{status} with {text[:100]!r}")
    if INSIDE.search(text):
        found.append(f"shows the inside: {INSIDE.findall(text)}")
    if "text/html" in answer.headers.get("content-type", "") and SCRIPT.search(text):
        found.append(f"lets a script in: {SCRIPT.findall(text)}")
    return found
