"""Limits of task runs by tag: what is in use, setting one, freeing its slots."""

from __future__ import annotations

import msgspec

from orion.errors import Invalid
from orion.model.limits import ConcurrencyLimitCreate
from orion.store import concurrency_limits as limits
from orion.web.call import Call, Reply
from orion.web.handlers import concurrency_limits as api
from orion.web.pages.shared import found, here, see


async def listing(call: Call) -> Reply:
    """List limits with who holds their slots."""
    now = see(call)
    rows = await call.store.read(limits.filter, 200, 0)
    return Reply({"limits": rows, "now": now, "here": here(call)}, "concurrency_limits/list.html#page")


async def create(call: Call) -> Reply:
    """Set the limit of a tag."""
    said = {
        "tag": str(call.form.get("tag", "")).strip(),
        "concurrency_limit": str(call.form.get("limit", "")),
    }
    try:
        call.body = msgspec.convert(said, ConcurrencyLimitCreate, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"The limit cannot be set: {error}.") from None
    made = await api.create(call)
    return Reply(made.data, status=made.status, location="limits")


async def reset(call: Call) -> Reply:
    """Free all slots of a limit."""
    limit = found(await call.store.read(limits.get, call.path["id"]), "limit")
    await call.store.write(limits.reset, limit.tag, None, call.now)
    return Reply(
        None, trigger={"toast": {"text": f"All slots of {limit.tag} are free"}, "runs": {}}, location="limits"
    )
