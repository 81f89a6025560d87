"""A line of the route table, and the quick way from a path to its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from starlette.responses import RedirectResponse, Response

from orion.web.call import Call, Handler

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """`method` and `api` path (below /api), the `page` path of the same handler, what comes in and what goes out.

    `body` is the struct of the request, `answer` the type of the answer with `status`; `also` are further statuses.
    `logs` allows the larger body of log batches; `raw` handlers get a Request and give a Response.
    """

    method: str
    api: str | None
    handler: Callable[..., Any]
    body: Any = None
    answer: Any = None
    status: int = 200
    tag: str = ""
    page: str | None = None
    page_method: str = "GET"
    form: Callable[[Call], Any] | None = None
    query: tuple[str, ...] = ()
    also: tuple[int, ...] = ()
    logs: bool = False
    raw: bool = False

    @property
    def path_parameters(self) -> list[str]:
        return _PARAMETER.findall(self.api or self.page or "")


def tagged(tag: str, *routes: Route) -> tuple[Route, ...]:
    """The routes of one resource, under the heading that the reference shows."""
    return tuple(replace(route, tag=tag) for route in routes)


def get(api: str, handler: Handler, answer: Any, *query: str, page: str | None = None, **more: Any) -> Route:
    """A read."""
    return Route("GET", api, handler, answer=answer, query=query, page=page, **more)


def post(
    api: str, handler: Handler, body: Any, answer: Any, status: int = 200, *also: int, **more: Any
) -> Route:
    """A question with a body, or a creation (201, also 200 when it was there); its page, if any, is a form too."""
    return Route("POST", api, handler, body, answer, status, page_method="POST", also=also, **more)


def put(
    api: str, handler: Handler, body: Any, answer: Any, status: int = 200, *also: int, **more: Any
) -> Route:
    """A creation or replacement by name."""
    return Route("PUT", api, handler, body, answer, status, also=also, **more)


def patch(api: str, handler: Handler, body: Any, **more: Any) -> Route:
    """A change of the fields that are sent; answers 204."""
    return Route("PATCH", api, handler, body, status=204, **more)


def delete(api: str, handler: Handler, status: int = 204, page: str | None = None, **more: Any) -> Route:
    """A removal; its page, if any, is a form that posts."""
    return Route("DELETE", api, handler, status=status, page=page, page_method="POST", **more)


def page(path: str, handler: Callable[..., Any], **more: Any) -> Route:
    """A page of the console without a twin in the API."""
    return Route("GET", None, handler, page=path, **more)


def action(path: str, handler: Handler, form: Callable[[Call], Any] | None = None, **more: Any) -> Route:
    """A form of the console; `form` makes the handler's body out of it."""
    return Route("POST", None, handler, page=path, page_method="POST", form=form, **more)


def moved(old: str, new: str) -> Route:
    """An older address that answers 308 to the new one, query included."""

    async def handler(call: Call) -> Response:
        query = call.scope["query_string"].decode("latin-1")
        to_root = "../" * (call.address.count("/") - 1)
        path, _, part = new[1:].format(**call.path).partition("#")
        query = (f"?{query}" if query else "") + (f"#{part}" if part else "")
        return RedirectResponse((to_root + path or "./") + query, 308)

    return Route("GET", None, handler, page=old)


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    methods: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class RouteMap:
    """Routes by path: a dictionary for paths without parameters, a tree of segments for the others."""

    def __init__(self, routes: Iterable[Route], api_root: str = "/api") -> None:
        self._static: dict[str, dict[str, tuple[Route, tuple[str, ...]]]] = {}
        self._root = _Node()
        for route in routes:
            if route.api is not None:
                self._add(route.method, api_root + route.api, route)
            if route.page is not None:
                self._add(route.page_method, route.page, route)

    def find(
        self, path: str, raw_path: bytes | None
    ) -> tuple[dict[str, tuple[Route, tuple[str, ...]]], list[str]] | None:
        """The methods at `path` and its parameter values; a quoted slash in `raw_path` does not part segments."""
        if (methods := self._static.get(path)) is not None:
            return methods, []
        segments = path[1:].split("/")
        if raw_path is not None and b"%" in raw_path:
            text = raw_path.partition(b"?")[0].decode("latin-1")
            segments = [unquote(segment) for segment in text[1:].split("/")]
        return self._walk(self._root, segments, 0, [])

    def _walk(
        self, node: _Node, segments: list[str], at: int, values: list[str]
    ) -> tuple[dict[str, tuple[Route, tuple[str, ...]]], list[str]] | None:
        if at == len(segments):
            return (node.methods, values) if node.methods else None
        child = node.children.get(segments[at])
        if child is not None and (found := self._walk(child, segments, at + 1, values)) is not None:
            return found
        if node.parameter is None or not segments[at]:
            return None
        return self._walk(node.parameter, segments, at + 1, [*values, segments[at]])

    def _add(self, method: str, path: str, route: Route) -> None:
        names = tuple(_PARAMETER.findall(path))
        methods = self._methods_at(path) if names else self._static.setdefault(path, {})
        if method in methods:
            raise ValueError(f"two routes for {method} {path}")
        methods[method] = (route, names)

    def _methods_at(self, path: str) -> dict[str, tuple[Route, tuple[str, ...]]]:
        node = self._root
        for segment in path[1:].split("/"):
            if _PARAMETER.fullmatch(segment):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        return node.methods


def name_values(names: tuple[str, ...], values: list[str]) -> dict[str, str] | None:
    """Path parameters by name; None when one that must be an id is none, or one holds what no name can."""
    path = dict(zip(names, values, strict=True))
    for name, value in path.items():
        if "\0" in value:
            return None
        if name == "id" or name.endswith("_id"):
            path[name] = value = value.lower()
            if not _UUID(value):
                return None
    return path
