"""One request and its repetitions: what is tried again, after how long, and what an answer means."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from orion.sdk.errors import ApiError, KeyRefused, ObjectNotFound, Unreachable

log = logging.getLogger("orion.client")

TOLD_SECONDS, LONG_SECONDS = 5.0, 60.0  # who waits longer is told of it, if it may take long
AGAIN = frozenset((408, 429, 502, 503, 504))
HINTS = {
    405: "Does ORION_API_URL end with /api?",
    413: "Keep large data in a file or a storage, and give its path.",
    507: "Nothing was kept: make room on the disk of the server's database, then try again.",
}
KEY_REFUSED = (
    "The server refused the key, or the lack of one: set ORION_API_KEY to a key that it knows, "
    "in the environment or with `orion config set ORION_API_KEY=<key>`."
)


class Patience(NamedTuple):
    """For how long a request is repeated: in seconds, and in tries (None: as often as time allows)."""

    seconds: float
    tries: int | None = None


class Request(NamedTuple):
    """One request of the API; `answer` is the type of a good response's body, None for none.

    With `claims` the answer comes with the attempt's token, or None.
    """

    method: str
    path: str
    body: bytes | None = None
    answer: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    claims: bool = False


class Message(NamedTuple):
    """A request as it goes over the wire; `target` is the path with its query, quoted."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes


class Response(NamedTuple):
    """An answer, read whole; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Unanswered(Exception):
    """There was no answer: nobody listened, the connection broke, or it took too long."""


class Transport(Protocol):
    """Carries messages to the API; raises `Unanswered`."""

    def send(self, message: Message) -> Response: ...

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """The same for one event loop."""

    async def send(self, message: Message) -> Response: ...

    async def close(self) -> None: ...


Attempts = Generator[float, Response | Unanswered, Response]


def attempts(patience: Patience, where: str) -> Attempts:
    """Takes the outcome of each try, yields the seconds to wait before the next, returns the response to use."""
    deadline = time.monotonic() + patience.seconds
    tries = 0
    tell_at = time.monotonic() + TOLD_SECONDS if patience.seconds > LONG_SECONDS else deadline
    outcome = yield 0.0
    while True:
        tries += 1
        if isinstance(outcome, Response) and outcome.status not in AGAIN:
            return outcome
        pause = _pause(outcome, tries)
        spent = patience.tries is not None and tries > patience.tries
        if spent or time.monotonic() + pause > deadline:
            return _give_up(outcome, where)
        if time.monotonic() + pause > tell_at:
            tell_at = deadline
            left = deadline - time.monotonic()
            log.warning("%s, and is asked again for up to %.0f s.", _said(outcome, where), left)
        outcome = yield pause


def _said(outcome: Response | Unanswered, where: str) -> str:
    if isinstance(outcome, Response):
        return f"The API at {where} answers {outcome.status} ({_detail(outcome.text)[:200]})"
    return f"The API at {where} does not answer ({str(outcome) or type(outcome).__name__})"


def _pause(outcome: Response | Unanswered, tries: int) -> float:
    asked = outcome.headers.get("retry-after", "") if isinstance(outcome, Response) else ""
    try:
        base = min(float(asked), 60.0)
    except ValueError:
        base = min(0.1 * 2 ** min(tries - 1, 10), 10.0)
    return base * random.uniform(1.0, 1.3) if asked else base * random.uniform(0.5, 1.0)


def _give_up(outcome: Response | Unanswered, where: str) -> Response:
    if isinstance(outcome, Response):
        return outcome
    detail = str(outcome) or type(outcome).__name__
    raise Unreachable(
        f"The API at {where} cannot be reached ({detail}). Is the server running? Start it with `orion start`, "
        "or correct ORION_API_URL; without that setting runs need no server."
    ) from outcome


def read(request: Request, response: Response) -> Any:
    """The value of a response; raises `ObjectNotFound` or `ApiError`."""
    if response.status >= 400:
        raise _error(request, response)
    value = _value(request, response)
    return (value, response.headers.get("orion-attempt")) if request.claims else value


def _value(request: Request, response: Response) -> Any:
    if request.answer is None or not response.body or response.status == 204:
        return None
    if request.answer is Any:
        return msgspec.json.decode(response.body)
    try:
        return decoder(request.answer).decode(response.body)
    except msgspec.MsgspecError as error:
        what = f"{request.method} {request.path}: the answer is not of the expected form: {error}"
        raise ApiError(what, status=response.status, body=response.text) from None


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The (cached) decoder of an answer."""
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    return _decoders[kind]


def _error(request: Request, response: Response) -> ApiError:
    body, reason = response.text, _detail(response.text)
    text = f"{request.method} {request.path} was answered {response.status}: {reason}"
    if hint := HINTS.get(507 if reason == "storage is full" else response.status):
        text = f"{text.rstrip('.')}. {hint}"
    if response.status in (404, 405) and body.lstrip().startswith("<"):
        text = (
            f"{request.method} {request.path} was answered {response.status} with a web page, so it is no API of orion "
            "that answers there. Does ORION_API_URL end with /api?"
        )
        return ApiError(text, status=response.status, body=body)
    if response.status == 401:
        return KeyRefused(KEY_REFUSED, status=401, body=body)
    kind = ObjectNotFound if response.status == 404 else ApiError
    return kind(text, status=response.status, body=body, reason=reason)


def _detail(body: str) -> str:
    try:
        data = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return body[:500]
    if not isinstance(data, dict):
        return str(data)[:500]
    faults = data.get("exception_detail")
    if isinstance(faults, list) and faults:
        return "; ".join(
            f"{'.'.join(map(str, f.get('loc', [])))}: {f.get('msg')}" for f in faults if isinstance(f, dict)
        )
    return str(data.get("detail") or data.get("exception_message") or data)[:500]
