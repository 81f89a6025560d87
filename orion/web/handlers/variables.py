"""Variables: small named values that flows read while they run."""

from __future__ import annotations

from orion.errors import NotFound
from orion.model.variables import Variable
from orion.store import variables
from orion.web.call import Call, Reply
from orion.web.paging import window


async def create(call: Call) -> Reply:
    """Create a variable; a name that is taken gives 409."""
    return Reply(await call.store.write(variables.create, call.body, call.now), status=201)


async def read(call: Call) -> Reply:
    """Read a variable."""
    return Reply(_found(await call.store.glance(variables.get, call.path["id"])))


async def read_by_name(call: Call) -> Reply:
    """Read a variable by its name."""
    return Reply(_found(await call.store.glance(variables.by_name, call.path["name"])))


async def filter(call: Call) -> Reply:
    """List variables."""
    body = call.body
    return Reply(await call.store.read(variables.filter, body.variables, body.sort, *window(call)))


async def count(call: Call) -> Reply:
    """Count variables."""
    return Reply(await call.store.read(variables.count, call.body.variables))


async def update(call: Call) -> Reply:
    """Change the fields of a variable that are sent."""
    await call.store.write(variables.update, call.path["id"], call.body, call.now)
    return Reply(status=204)


async def update_by_name(call: Call) -> Reply:
    """Change the fields of the variable of that name that are sent."""
    await call.store.write(variables.update_by_name, call.path["name"], call.body, call.now)
    return Reply(status=204)


async def delete(call: Call) -> Reply:
    """Delete a variable."""
    await call.store.write(variables.delete, call.path["id"])
    return Reply(status=204, location="variables")


async def delete_by_name(call: Call) -> Reply:
    """Delete the variable of that name."""
    await call.store.write(variables.delete_by_name, call.path["name"])
    return Reply(status=204)


def _found(variable: Variable | None) -> Variable:
    if variable is None:
        raise NotFound("Variable not found")
    return variable
