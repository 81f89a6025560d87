"""One handler, three faces: JSON, block and page, and where forms lead."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from orion.web import negotiate, templating
from orion.web.call import Reply
from orion.web.negotiate import Face
from tests.web.calls import call_for

BIG = "word " * 1000


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates that say their own name."""
    monkeypatch.setattr(templating, "render", lambda request, name, data: f"{name} of {data}")
    monkeypatch.setattr(templating, "block_names", lambda name: {"rows", "summary"})


@pytest.mark.parametrize(
    ("path", "headers", "face"),
    [
        ("/api/flows", {"accept": "text/html"}, Face.JSON),
        ("/api/flows", {"hx_request_type": "partial"}, Face.JSON),
        ("/runs", {"hx_request_type": "partial", "accept": "text/html"}, Face.BLOCK),
        ("/runs", {"hx_request_type": "full", "accept": "text/html"}, Face.PAGE),
        ("/runs", {"hx_history_restore_request": "true", "accept": "text/html"}, Face.PAGE),
        ("/runs", {"accept": "application/json"}, Face.JSON),
        ("/runs", {"accept": "text/html, application/json"}, Face.PAGE),
        ("/runs", {"accept": "*/*"}, Face.PAGE),
        ("/runs", {}, Face.PAGE),
    ],
)
def test_the_face_follows_the_path_and_the_asker(path: str, headers: dict[str, str], face: Face) -> None:
    assert negotiate.face(call_for(path, **headers)) is face


def test_a_page_a_block_and_json_come_from_one_reply() -> None:
    reply = Reply({"a": 1}, "runs.html#rows")
    page = negotiate.render(call_for(), reply)
    block = negotiate.render(call_for(hx_request_type="partial"), reply)
    named = negotiate.render(call_for(hx_request_type="partial", hx_target="div#summary"), reply)
    foreign = negotiate.render(call_for(hx_request_type="partial", hx_target="div#else"), reply)
    program = negotiate.render(call_for(accept="application/json"), reply)
    assert page.body == b"runs.html of {'a': 1}"
    assert block.body == foreign.body == b"runs.html#rows of {'a': 1}"
    assert named.body == b"runs.html#summary of {'a': 1}"
    assert (program.body, program.media_type) == (b'{"a":1}', "application/json")
    for answer in (page, block, program):
        assert answer.headers["Vary"] == "Accept, Accept-Encoding, HX-Request-Type, HX-Target"


def test_a_form_leads_on_by_a_relative_address() -> None:
    reply = Reply(location="runs/y")
    plain = negotiate.render(call_for("/runs/x/cancel", "POST"), reply)
    assert (plain.status_code, plain.headers["Location"]) == (303, "../../runs/y")
    prefixed = negotiate.render(call_for("/runs/x/cancel", "POST", root="/orion"), reply)
    assert prefixed.headers["Location"] == "../../runs/y"
    swapped = negotiate.render(
        call_for("/runs/x/cancel", "POST", hx_request_type="partial", orion_root="../"), reply
    )
    assert (swapped.status_code, swapped.headers["HX-Location"]) == (200, "../runs/y")


def test_no_address_breaks_out_of_its_header() -> None:
    reply = Reply(location="runs?q=ü\r\nSet-Cookie: x", push_url="/runs?q=ü\r\n")
    plain = negotiate.render(call_for("/runs/bulk", "POST"), reply)
    assert plain.headers["Location"] == "../runs?q=%C3%BC%0D%0ASet-Cookie:%20x"
    assert plain.headers["HX-Push-Url"] == "/runs?q=%C3%BC%0D%0A"


def test_a_region_that_has_not_changed_is_304_without_rendering() -> None:
    reply = Reply({}, "runs.html#rows", tag="v1")
    asked: dict[str, Any] = {"hx_request_type": "partial"}
    assert negotiate.render(call_for(**asked), reply).headers["HX-PTag"] == "v1"
    same = negotiate.render(call_for(**asked, hx_ptag="v1"), reply)
    assert (same.status_code, same.body) == (304, b"")
    assert negotiate.render(call_for(**asked, hx_ptag="v0"), reply).status_code == 200


def test_addresses_and_events_travel_in_headers() -> None:
    answer = negotiate.render(
        call_for(), Reply({}, "a.html", push_url="/runs?a=b", trigger={"toast": "Gespeichert ✓ 😀"})
    )
    assert answer.headers["HX-Push-Url"] == "/runs?a=b"
    assert json.loads(answer.headers["HX-Trigger"]) == {"toast": "Gespeichert ✓ 😀"}


def test_pages_are_compressed_for_those_who_can_read_it() -> None:
    reply = Reply(BIG, "a.html")
    packed = negotiate.render(call_for(accept_encoding="gzip, br"), reply)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == negotiate.render(call_for(), reply).body
    assert int(packed.headers["Content-Length"]) == len(packed.body)
    assert (
        "Content-Encoding"
        not in negotiate.render(call_for(accept_encoding="gzip"), Reply("x", "a.html")).headers
    )


@pytest.mark.parametrize("status", [403, 404, 422, 500])
def test_an_error_is_a_page_for_browsers_and_stays_as_it_is_for_programs(status: int) -> None:
    error = Reply({"detail": "why"}, status=status)
    assert negotiate.error_reply(call_for("/api/x"), error) is error
    assert negotiate.error_reply(call_for(accept="application/json"), error) is error
    shown = negotiate.error_reply(call_for("/runs/x"), error)
    assert (shown.status, shown.template) == (status, "error.html#message")
    assert (shown.data["detail"], shown.data["what"], shown.data["status"]) == ("why", "/runs/x", status)


@pytest.mark.parametrize(
    ("method", "status", "source", "said"),
    [
        ("POST", 404, "form", "why"),
        ("POST", 500, "form", "why"),
        ("GET", 503, "form", "why"),
        ("GET", 503, "i#follow", None),
    ],
)
def test_an_action_that_fails_says_so_and_leaves_the_page_as_it_is(
    method: str, status: int, source: str, said: str | None
) -> None:
    error = Reply({"detail": "why"}, status=status)
    asked = call_for("/runs/x", method, hx_request_type="partial", hx_source=source)
    shown = negotiate.error_reply(asked, error)
    assert shown.headers["HX-Reswap"] == "none"
    assert shown.trigger == ({"toast": {"error": said}} if said else None)


def test_a_page_that_is_gone_is_replaced_by_the_words_that_say_so() -> None:
    asked = call_for("/runs/x", hx_request_type="partial", hx_source="i#follow")
    shown = negotiate.error_reply(asked, Reply({"detail": "why"}, status=404))
    assert "HX-Reswap" not in shown.headers and shown.trigger is None
