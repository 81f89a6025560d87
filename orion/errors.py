"""The tree of errors: each knows its HTTP status, and its docstring is its default message.

OrionError
  Invalid 422      a body, a filter or a rule refuses the input
  NotFound 404     the object is not there
  Conflict 409     a unique name is taken, or something it refers to is missing
  Forbidden 403    the caller may not do this
  Unauthorized 401 a login or key is needed
  TooLarge 413     the body is over its limit
  Busy 503         the database cannot serve this now
    StorageFull, QueryTooSlow
  Refused          the program cannot start; carries the exit code
    PortInUse (1), LoginNeeded (2), DatabaseError (3): DatabaseFromFuture, DatabaseCorrupt, DatabaseOwned
  SettingError     a setting has a value that cannot be used
"""

from __future__ import annotations

from typing import Any


class OrionError(Exception):
    """Something went wrong in orion."""

    status = 500
    exit_code = 1

    def __init__(self, message: str | None = None, **extra: Any) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.extra = extra
        super().__init__(self.message)


class Invalid(OrionError):
    """Invalid request received.

    `detail` lists every fault found: `{"loc": ["body", "name"], "msg": "...", "type": "..."}`.
    """

    status = 422

    def __init__(self, message: str | None = None, *, detail: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.detail = detail


class NotFound(OrionError):
    """Not Found"""

    status = 404


class Conflict(OrionError):
    """It exists already, or something it refers to does not."""

    status = 409


class Forbidden(OrionError):
    """You may not do this."""

    status = 403


class Unauthorized(OrionError):
    """A key or a login is needed."""

    status = 401


class BadRequest(OrionError):
    """The request cannot be understood."""

    status = 400


class TooLarge(OrionError):
    """The request body is too large."""

    status = 413


class Locked(OrionError):
    """Not enough free slots."""

    status = 423

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Gone(OrionError):
    """It was there and is gone."""

    status = 410


class Busy(OrionError):
    """The database is busy; try again in a moment."""

    status = 503
    retry_after = 1.0


class StorageFull(Busy):
    """storage is full"""

    retry_after = 30.0


class QueryTooSlow(Busy):
    """The query took too long; narrow the filter."""


class Refused(OrionError):
    """orion cannot start."""

    exit_code = 1


class PortInUse(Refused):
    """The port is in use."""


class LoginNeeded(Refused):
    """A server reachable from outside needs a login: set ORION_ADMIN_KEY, or add an admin to the database."""

    exit_code = 2


class DatabaseError(Refused):
    """The database cannot be used."""

    exit_code = 3


class DatabaseFromFuture(DatabaseError):
    """The database was written by a newer orion; upgrade orion, or name another database."""


class DatabaseCorrupt(DatabaseError):
    """The database file is damaged."""


class DatabaseOwned(DatabaseError):
    """Another server owns this database file."""


class SettingError(OrionError):
    """A setting has a value that cannot be used."""

    exit_code = 2
