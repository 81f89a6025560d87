"""A call without a server: what a handler gets, made by hand."""

from __future__ import annotations

from starlette.applications import Starlette

from orion.settings import load
from orion.web.call import Call


def call_for(path: str = "/runs/x", method: str = "GET", root: str = "", **headers: str) -> Call:
    app = Starlette()
    app.state.store = None
    app.state.settings = load({})
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "app": app,
        "path": root + path,
        "root_path": root,
        "method": method,
        "headers": raw,
    }
    return Call({**scope, "query_string": b"", "scheme": "http", "server": ("h", 1)}, None, None, {}, None)  # type: ignore[arg-type]
