"""The small routes that say what this server is and how it fares."""

from __future__ import annotations

import re

from orion.errors import Busy, Invalid
from orion.web import openapi
from orion.web.call import Call, Reply
from orion.web.security import API_VERSION

_CLIENT = re.compile(r"prefect/(3\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*)")


async def health(call: Call) -> Reply:
    """Say whether a write can be served: true, or 503."""
    await _ping(call)
    return Reply(True)


async def ready(call: Call) -> Reply:
    """Say whether the database answers."""
    await _ping(call)
    return Reply({"message": "OK"})


async def _ping(call: Call) -> None:
    try:
        await call.store.read(_one)
    except Busy:
        raise
    except Exception as error:
        raise Busy("the database does not answer") from error


def _one(conn: object) -> None:
    conn.one("SELECT 1")  # type: ignore[attr-defined]


async def hello(call: Call) -> Reply:
    """Wave."""
    return Reply("👋")


async def api_version(call: Call) -> Reply:
    """Say which version of the wire is spoken."""
    return Reply(API_VERSION)


async def version(call: Call) -> Reply:
    """Say the server's version; a client of the 3.x line hears its own, for it refuses another major."""
    client = _CLIENT.match(call.headers.get("user-agent", ""))
    return Reply(client[1] if client else call.app.state.version)


async def csrf_token(call: Call) -> Reply:
    """Say that tokens are not used: cross-site requests are refused by their headers."""
    if not call.query.get("client"):
        raise Invalid(detail=[{"loc": ["query", "client"], "msg": "field required", "type": "value_error.missing"}])
    raise Invalid("CSRF protection is disabled.")


async def openapi_document(call: Call) -> Reply:
    """Give this interface as an OpenAPI document."""
    return Reply(openapi.document(call.app.state.routes, call.app.state.version))


async def reference(call: Call) -> Reply:
    """Show the interface as a page: every route with what it reads and answers."""
    document = openapi.document(call.app.state.routes, call.app.state.version)
    return Reply({"document": document, "tags": openapi.by_tag(document)}, "reference.html")
