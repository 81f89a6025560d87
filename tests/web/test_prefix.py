"""The console under a path behind a proxy: every link, form, file, region and stream stays below that path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import httpx
import pytest

from orion.web.route import RouteMap
from orion.web.routes import routes
from tests.web.pages import HTML, PARTIAL, OpenWorld, World

ROUTES = RouteMap(routes(True))
PREFIX = "http://proxy.example/some/path"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{10}(?=\.\w+$)|(?<=line=)\d+")
TAGS = re.compile(r"<(a|form|link|script|use|img|button|div|i|hx-partial)\b([^>]*)>")
REFERENCE = re.compile(r'\s(href|src|action|formaction|hx-get|hx-post|hx-sse:connect)="([^"]*)"')
ROOT = re.compile(r'"Orion-Root": "([./]+)"')


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("prefix")
    with OpenWorld("sqlite", folder, days=0.5) as opened:
        yield opened


def references(address: str, text: str) -> Iterator[tuple[str, str]]:
    """What a page leads to: the method, and the address below the prefix."""
    for tag, attributes in TAGS.findall(text):
        posts = tag == "form" and 'method="post"' in attributes
        for name, value in REFERENCE.findall(" " + attributes):
            said = unescape(value)
            if said.startswith(("#", "http:", "https:", "data:")):
                continue
            url = urldefrag(urljoin(PREFIX + address, said)).url
            assert url.startswith(PREFIX + "/"), (address, name, said)
            post = name == "hx-post" or (name in ("action", "formaction") and (posts or tag == "button"))
            yield "POST" if post else "GET", url.removeprefix(PREFIX)


def known(method: str, address: str) -> bool:
    """Whether the server has such a route."""
    found = ROUTES.find(address.partition("?")[0], None)
    return found is not None and method in found[0]


def test_every_way_through_the_console_stays_below_the_prefix(world: World) -> None:
    client, lost = world.client, list[tuple[str, str, str]]()
    waiting, kinds = ["/runs", "/search?q=load", "/nothing/is/here", "/docs"], Counter[str]()
    while waiting:
        address = waiting.pop()
        answer = client.get(address, headers=HTML)
        if answer.status_code == 303:
            assert urljoin(PREFIX + address, answer.headers["location"]).startswith(PREFIX + "/"), address
            continue
        assert answer.status_code == (404 if "nothing" in address else 200), address
        if "html" not in answer.headers["content-type"]:
            continue
        texts = [answer.text]
        if kinds[kind(address)] <= 1 and (root := ROOT.search(answer.text)):
            texts.append(client.get(address, headers={**PARTIAL, "Orion-Root": root[1]}).text)
        for method, there in (each for text in texts for each in references(address, text)):
            if not known(method, there) and there != address:
                lost.append((address, method, there))
            elif method == "GET" and not kinds[kind(there)] and "/events?" not in there:
                kinds[kind(there)] += 1
                waiting.append(there)
    assert lost == []
    assert len(kinds) > 60


def kind(address: str) -> str:
    """An address without its ids, and of its query only the names."""
    path, _, query = UUID.sub("ID", address).partition("?")
    return path + "?" + "&".join(sorted({each.partition("=")[0] for each in query.split("&")}))


@pytest.mark.parametrize("partial", [False, True], ids=["without scripts", "with htmx"])
def test_an_action_leads_to_a_page_below_the_prefix(world: World, partial: bool) -> None:
    client, run = world.client, world.seeded.runs["velvet-otter"]
    page = f"/runs/{run}"
    root = ROOT.search(client.get(page, headers=HTML).text)
    assert root
    headers = {**PARTIAL, "Orion-Root": root[1]} if partial else HTML
    answer = client.post("/settings/theme", data={"theme": "dark"}, headers=headers)
    where = answer.headers["hx-location" if partial else "location"]
    assert urljoin(PREFIX + (page if partial else "/settings/theme"), where) == f"{PREFIX}/settings"


def test_a_proxy_that_keeps_the_prefix_is_served_too(world: World) -> None:
    client = world.client

    async def ask(address: str) -> httpx.Response:
        transport = httpx.ASGITransport(client.app, root_path="/some/path")
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4200") as kept:
            return await kept.get(f"/some/path{address}", headers=HTML)

    for address in ("/runs", f"/runs/{world.seeded.runs['cobalt-heron']}/logs", "/no-such", "/api/health"):
        answer = client.wait(ask(address))
        assert answer.status_code == (404 if address == "/no-such" else 200), address
        assert re.findall(r'(?:href|src|action)="(/[^"]*)"', answer.text) == []
    assert client.wait(ask("/runs/")).headers["location"] == "/some/path/runs"
