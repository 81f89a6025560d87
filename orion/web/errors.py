"""From an error to an answer: one JSON shape below /api, one page for browsers, and never the inside of the program."""

from __future__ import annotations

import logging
from typing import Any

from orion.errors import Busy, Invalid, Locked, OrionError
from orion.web.call import Reply

log = logging.getLogger("orion.web")


class MethodNotAllowed(OrionError):
    """Method Not Allowed"""

    status = 405


def describe(error: Exception) -> Reply:
    """The error as a value with its status; what is not ours is a plain 500, and a traceback in the server's log."""
    if isinstance(error, OverflowError):
        error = Invalid("A number or a time is out of range.")
    if isinstance(error, RecursionError):
        error = Invalid("Something in it is nested too deeply.")
    if not isinstance(error, OrionError):
        log.exception("a request failed", exc_info=error)
        return Reply({"exception_message": "Internal Server Error"}, status=500)
    return Reply(_body(error), status=error.status, headers=_headers(error))


def _body(error: OrionError) -> dict[str, Any]:
    if isinstance(error, Invalid) and error.detail is not None:
        return {
            "exception_message": "Invalid request received.",
            "exception_detail": error.detail,
            "request_body": error.extra.get("request_body"),
        }
    if isinstance(error, Busy):
        return {"exception_message": "Service Unavailable", "detail": error.message}
    return {"detail": error.message}


def _headers(error: OrionError) -> dict[str, str]:
    headers: dict[str, str] = dict(error.extra.get("headers", {}))
    if isinstance(error, (Busy, Locked)):
        headers["Retry-After"] = f"{max(error.retry_after, 0.0):.3f}".rstrip("0").rstrip(".") or "0"
    return headers


def sentence(body: dict[str, Any]) -> str:
    """What an error page says: the one text of the error's body."""
    if detail := body.get("exception_detail"):
        return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in detail)
    return str(body.get("detail") or body.get("exception_message") or "")
