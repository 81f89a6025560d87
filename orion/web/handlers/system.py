"""The small routes that say what this server is and how it fares."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

from orion.errors import Busy, Invalid
from orion.store import admin, flows
from orion.web import openapi
from orion.web.call import Call, Reply
from orion.web.security import API_VERSION

NEWEST_CLIENT = "3.8.8"
HEALTH_SECONDS = 3.0
_CLIENT = re.compile(r"(?P<name>prefect|orion)/(?P<version>[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*)")


async def health(call: Call) -> Reply:
    """Say whether a write can be served: true, or 503 with the reason."""
    await _soon(call.store.write(admin.ping, call.now, durable=False))
    return Reply(True)


async def ready(call: Call) -> Reply:
    """Say whether the database answers."""
    await _soon(call.store.read(flows.count))
    return Reply({"message": "OK"})


async def _soon(answer: Coroutine[Any, Any, object]) -> None:
    """Who asks for the health does not wait as long as one who wants something done."""
    try:
        await asyncio.wait_for(answer, HEALTH_SECONDS)
    except TimeoutError:
        raise Busy(f"The database has not answered for {HEALTH_SECONDS:g} s.") from None


async def hello(call: Call) -> Reply:
    """Wave."""
    return Reply("👋")


async def api_version(call: Call) -> Reply:
    """Say which version of the wire is spoken."""
    return Reply(API_VERSION)


async def version(call: Call) -> Reply:
    """Say the server's version to its own clients; others hear what they want to hear.

    A client of the 3.x line refuses another major, and asks partly under its own name, partly under that of its HTTP
    library: so the first hears its own version, the second that of the newest client that is known to work.
    """
    client = _CLIENT.match(call.headers.get("user-agent", ""))
    if client is None:
        return Reply(NEWEST_CLIENT)
    return Reply(call.app.state.version if client["name"] == "orion" else client["version"])


async def csrf_token(call: Call) -> Reply:
    """Say that tokens are not used: cross-site requests are refused by their headers."""
    if not call.query.get("client"):
        raise Invalid(
            detail=[{"loc": ["query", "client"], "msg": "field required", "type": "value_error.missing"}]
        )
    raise Invalid("CSRF protection is disabled.")


async def no_automations(call: Call) -> Reply:
    """List the automations that act on something: there are none here. Clients ask when they show a deployment."""
    return Reply([])


async def delete_no_automations(call: Call) -> Reply:
    """Delete the automations that something owns: there are none here. Clients ask whenever they deploy."""
    return Reply(None, status=202)


async def openapi_document(call: Call) -> Reply:
    """Give this interface as an OpenAPI document."""
    return Reply(openapi.document(call.app.state.routes, call.app.state.version))


async def reference(call: Call) -> Reply:
    """Show the interface as a page: every route with what it reads and answers."""
    document = openapi.document(call.app.state.routes, call.app.state.version)
    shown = {
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "headings": openapi.by_tag(document),
        "models": document["components"]["schemas"],
    }
    return Reply(shown, "reference.html")
