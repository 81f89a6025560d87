"""Sending one request: to a checked address, within its time, following nothing and believing little of the answer."""

from __future__ import annotations

import asyncio
import re
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from orion.notify import by_apprise
from orion.notify.addresses import Resolver, Unresolved, checked, most_telling, resolve
from orion.notify.message import TIMEOUT, ByApprise, Mail, Post, Request, Unsendable

if TYPE_CHECKING:
    import ssl

    import httpx

MOST_ANSWER = 64 * 1024
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


class Failed(Exception):
    """This try failed; a later one may not. `after` is how many seconds the receiver asks to wait."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


async def send(request: Request, *, private: bool, resolver: Resolver = resolve) -> str:
    """Send, and tell what the receiver said: `200 OK`. Raises `Failed`, or `Unsendable` where no try can succeed."""
    timeout = request.timeout if isinstance(request, Post) else TIMEOUT
    if isinstance(request, ByApprise):
        by_apprise.check(request.url, private=private)
        await asyncio.to_thread(by_apprise.library)  # not in the time that a receiver has
    try:
        async with asyncio.timeout(timeout):
            match request:
                case Post():
                    return await _post(request, private, resolver)
                case Mail():
                    return await _mail(request, private, resolver)
                case ByApprise():
                    return await _by_apprise(request)
    except TimeoutError:
        raise Failed(f"no answer within {timeout:g} s") from None
    except Unresolved as error:
        raise Failed(str(error)) from None


async def _post(request: Post, private: bool, resolver: Resolver) -> str:
    import httpx

    url = parsed(request.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    addresses = await checked(url.host, port, private=private, resolver=resolver)
    trusted = authorities() if url.scheme == "https" else False
    async with httpx.AsyncHTTPTransport(
        verify=trusted, trust_env=False
    ) as transport:  # a client would log the address, a secret
        try:
            return await _exchange(transport, request, url, addresses)
        except httpx.TimeoutException:
            raise Failed(f"no answer within {request.timeout:g} s") from None
        except (httpx.LocalProtocolError, UnicodeEncodeError) as error:
            raise Unsendable(f"The request cannot be written: {error}") from None
        except httpx.TransportError as error:
            raise Failed(f"{type(error).__name__}: {error}"[:300]) from None


@cache
def authorities() -> ssl.SSLContext:
    """Whom the world trusts, read once: reading takes longer than sending does."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


async def _exchange(
    transport: httpx.AsyncHTTPTransport, request: Post, url: httpx.URL, addresses: list[str]
) -> str:
    """Try the addresses one after the other until one of them takes the connection."""
    import httpx

    faults = []
    for address in addresses:
        pinned = httpx.Request(
            request.method,
            url.copy_with(host=address),
            headers={**request.headers, "Host": url.netloc.decode("ascii").rpartition("@")[2]},
            content=request.body,
            extensions={"timeout": httpx.Timeout(request.timeout).as_dict(), "sni_hostname": url.host},
        )
        try:
            return _judged(await _answer(transport, pinned))
        except httpx.ConnectError as error:
            faults.append(error)
    raise most_telling(faults)


async def _answer(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
    """The answer's head; of its body no more than is decent, and nothing of that is kept."""
    answer = await transport.handle_async_request(request)
    try:
        size = 0
        async for chunk in answer.aiter_raw():
            size += len(chunk)
            if size > MOST_ANSWER:
                break
    finally:
        await answer.aclose()
    return answer


def parsed(text: str) -> httpx.URL:
    """An address of the web; raises `Unsendable` for any other."""
    import httpx

    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Unsendable(f"The target is no address of the web: {error}") from None
    if url.scheme not in ("http", "https") or not url.host or _ODD.search(text):
        raise Unsendable(
            "The target is no address of the web: it begins with https:// or http:// and a host."
        )
    return url


def _judged(answer: httpx.Response) -> str:
    """What the receiver said; only a success is one."""
    said = status_line(answer.status_code)
    if 200 <= answer.status_code < 300:
        return said
    if 300 <= answer.status_code < 400:
        raise Failed(f"{said}: redirects are not followed")
    raise Failed(said, _retry_after(answer))


def status_line(code: int) -> str:
    """404 Not Found; the words are ours, not the receiver's."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    if text.isdecimal() and len(text) < 9:
        return float(text)
    try:
        sent = parsedate_to_datetime(answer.headers["date"])
        return max((parsedate_to_datetime(text) - sent).total_seconds(), 0.0)
    except (KeyError, TypeError, ValueError):
        return None


async def _mail(request: Mail, private: bool, resolver: Resolver) -> str:
    from orion.notify import smtp

    addresses = await checked(request.host, request.port, private=private, resolver=resolver)
    fault: Any = await asyncio.to_thread(smtp.deliver, request, addresses)
    if fault is not None:
        raise Failed(fault)
    return "taken by the mail server"


async def _by_apprise(request: ByApprise) -> str:
    apprise = by_apprise.library()
    service = apprise.Apprise.instantiate(request.url)  # one address, never a list
    if service is None:
        raise Unsendable("Apprise does not understand the address.")
    sender = apprise.Apprise()
    sender.add(service)
    taken = await sender.async_notify(title=request.subject, body=request.body, notify_type=request.kind)
    if not taken:
        raise Failed("Apprise could not deliver the message")
    return "delivered by Apprise"
