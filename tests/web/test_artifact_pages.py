"""The pages of artifacts: what each type shows, what hostile texts become, history, empty pages."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta

import pytest

from orion.web import markdown
from tests.web.browser import Client, Clock
from tests.web.makers import flow_run, task_run
from tests.web.pages import HTML, act
from tests.web.test_artifacts import latest, made

PICTURE = "data:image/png;base64,iVBORw0KGgo="


def page(client: Client, address: str) -> str:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


HOSTILE = """
<script>alert(1)</script> <img src=x onerror=alert(1)> <b onclick="x()">bold</b>
[js](javascript:alert(1)) [data](data:text/html;base64,PHNjcmlwdD4=) [rel](/runs) <javascript:alert(1)>
[quote](https://a.b/"onmouseover="x) ![far](https://evil.example/x.png) ![svg](data:image/svg+xml,<svg/onload=x>)
[ref]: javascript:alert(1)
[ref] ![near](data:image/png;base64,iVBORw0KGgo=) [vb](VBScript:x) [file](file:///etc/passwd)

| a | b |
|--:|:-:|
| <script>x</script> | `<i>` |
"""


def test_markdown_has_no_markup_of_its_own_and_leads_to_web_pages_only() -> None:
    html = markdown.render(HOSTILE)
    tags = set(re.findall(r"<(/?\w+)", html))
    assert not tags & {"script", "b", "i", "svg", "iframe"} and "style=" not in html
    assert re.findall(r'src="([^"]*)', html) == [PICTURE]
    targets = re.findall(r'href="([^"]*)', html)
    assert targets and all(target.startswith("https://") for target in targets)
    for element in re.findall(r"<\w+[^>]*>", html):
        assert not re.search(r"\son\w+\s*=\s", re.sub(r'"[^"]*"', "", element)), element
    assert '<td class="right">&lt;script&gt;' in html and '<td class="center"><code>&lt;i&gt;' in html


@pytest.mark.parametrize("piece", ["![", "* a\n", "_a"])
def test_what_is_written_to_hurt_takes_little_time(piece: str) -> None:
    begun = time.process_time()
    markdown.render(piece * 50_000)
    assert time.process_time() - begun < 10


def test_each_type_is_shown_as_what_it_is(client: Client) -> None:
    def body(kind: str | None, data: object) -> str:
        return page(client, f"/artifacts/{made(client, type=kind, data=data)['id']}")

    assert "<h1>Big</h1>" in body("markdown", "# Big")
    table = body("table", json.dumps([{"a": 1, "b": None}, {"a": "<x>", "c": [1]}]))
    assert re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t", table) == [
        "a",
        "b",
        "c",
        "1",
        "",
        "",
        "&lt;x&gt;",
        "",
        "[1]",
    ]
    assert re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t", body("table", '{"x": [1, 2], "y": [3]}')) == [
        *list("xy132"),
        "",
    ]
    assert "<td>7</td>" in body("table", [[7]])
    assert f'<img src="{PICTURE}"' in body("image", PICTURE)
    far = body("image", "https://a.b/x.png")
    assert '<a href="https://a.b/x.png"' in far and "<img" not in far
    assert "<img" not in body("image", "data:text/html;base64,PHNj") and "javascript" in body(
        "image", "javascript:x"
    )
    assert 'value="62.5"' in body("progress", 62.5) and 'value="100' in body("progress", 900)
    for odd in (
        ("table", "no table"),
        ("markdown", {"k": 1}),
        ("mine", [1]),
        (None, None),
        ("progress", "x"),
    ):
        assert "<pre><code>" in body(*odd)


def test_long_ones_are_cut_and_say_so(client: Client) -> None:
    long = made(client, key="long", type="markdown", data="word " * 10_000)
    assert "Shown: the first 20,000 of 50,000 characters." in page(client, f"/artifacts/{long['id']}")
    rows = made(client, type="table", data=json.dumps([{"n": n} for n in range(3000)]))
    shown = page(client, f"/artifacts/{rows['id']}")
    assert "Shown: 100 of 3,000 rows." in shown and shown.count("<td>") == 100


def test_a_run_and_its_task_show_what_they_left(client: Client) -> None:
    run = flow_run(client)["id"]
    task = task_run(client, run)["id"]
    assert 'id="artifacts"' not in page(client, f"/runs/{run}")
    assert "left nothing to read" in page(client, f"/runs/{run}/artifacts")
    for number in range(7):
        made(client, key=f"of-run-{number}", type="markdown", data="x", flow_run_id=run)
    made(client, key="of-task", type="markdown", data="*x*", flow_run_id=run, task_run_id=task)
    made(client, type="result", data="pickled", flow_run_id=run)
    made(client, data="of no type", flow_run_id=run)
    overview = page(client, f"/runs/{run}")
    assert "newest 5 of 9" in overview and "of-task" in overview and "of-run-3" not in overview
    every = page(client, f"/runs/{run}/artifacts")
    assert "of-run-0" in every and "of no type" in every and "pickled" not in every
    own = page(client, f"/task-runs/{task}")
    assert "<em>x</em>" in own and "of-run" not in own


def test_keys_are_listed_searched_and_paged_and_have_a_history(client: Client, clock: Clock) -> None:
    assert "No artifacts yet" in page(client, "/artifacts")
    for number in range(52):
        clock.now += timedelta(seconds=1)
        made(client, key=f"key-{number}", type="table" if number % 2 else "markdown", data="x")
    first = page(client, "/artifacts")
    assert "1–50 of 52 keys" in first and "key-51" in first and "key-1<" not in first
    older = re.search(r'href="\./(artifacts\?after=[^"]+)" rel="next"', first)
    assert older and "key-1<" in page(client, f"/{older[1]}")
    assert page(client, "/artifacts?q=key-4&type=table").count('href="./artifacts/key/') == 5
    assert "No key matches" in page(client, "/artifacts?q=%25") and "No key matches" in page(
        client, "/artifacts?q=_"
    )
    clock.now += timedelta(seconds=1)
    newest = made(client, key="key-3", type="markdown", data="newer")
    shown = page(client, "/artifacts/key/key-3")
    assert "newer" in shown and shown.count('<span class="logo">') == 2
    assert client.get("/artifacts/key/none", headers=HTML).status_code == 404
    gone = act(client, f"/artifacts/{newest['id']}/delete")
    assert (gone.status_code, gone.headers["location"]) == (303, "../../artifacts/key/key-3")
    assert latest(client, "key-3")["data"] == "x"
    old = client.get(f"/artifacts/artifact/{newest['id']}", headers=HTML)
    assert (old.status_code, old.headers["location"]) == (308, f"../../artifacts/{newest['id']}")


def test_a_page_with_finished_markup_is_also_data(client: Client) -> None:
    told = client.get(
        f"/artifacts/{made(client, type='markdown', data='# Hello')['id']}",
        headers={"Accept": "application/json"},
    )
    assert (told.status_code, told.json()["one"]["text"].strip()) == (200, "<h1>Hello</h1>")


@pytest.mark.parametrize("text", ["[" * 50_000, '{"a":' * 3000])
def test_a_table_that_is_nested_too_deeply_is_shown_as_its_text(client: Client, text: str) -> None:
    assert text[:100] in page(client, f"/artifacts/{made(client, type='table', data=text)['id']}").replace(
        "&#34;", '"'
    )
