"""Where messages may go: never into the server's own network, however the address is spelled (SSRF).

A name is resolved once, every address it stands for is judged, and the connection is made to a judged address.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeVar

from orion.notify.message import Unsendable

Address = IPv4Address | IPv6Address
E = TypeVar("E", bound=BaseException)
Resolver = Callable[[str, int], Awaitable[list[str]]]

METADATA = frozenset(ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200"))
NOBODY_THERE = (
    errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT,
)  # fmt: skip
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/96"))
_COMPATIBLE = IPv6Network("::/96")


class Unresolved(Exception):
    """The name of a target is not known now."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name or a literal of any spelling, as the system connects to it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolved(f"{host} is not known: {getattr(error, 'strerror', None) or error}") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked(host: str, port: int, *, private: bool, resolver: Resolver = resolve) -> list[str]:
    """The addresses to connect to; raises `Unsendable` when one of them must not be talked to.

    `private` lets addresses of the own machine and network through; those of no single machine, and those where
    clouds keep credentials, never pass.
    """
    addresses = await resolver(host, port)
    for text in addresses:
        fault = objection(ip_address(text), private=private)
        if fault:
            raise Unsendable(f"Messages may not go to {host}: {text} is {fault}.")
    if not addresses:
        raise Unresolved(f"{host} has no address")
    return addresses


def most_telling(faults: Sequence[E]) -> E:
    """Of what went wrong at each address of a name, what helps most: a bad certificate before nobody there."""
    return min(faults, key=_silence)


def _silence(fault: BaseException) -> int:
    """How little a fault says about the server that is meant."""
    error: BaseException | None = fault
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return 0
        if isinstance(error, OSError) and error.errno in NOBODY_THERE:
            return 2
        error = error.__cause__ or error.__context__
    return 1


def objection(address: Address, *, private: bool) -> str | None:
    """What speaks against an address; None when nothing does."""
    address = inner(address)
    if address in METADATA or address.is_link_local:
        return "link-local or a cloud's metadata service"
    if address.is_multicast or address.is_unspecified or address == IPv4Address("255.255.255.255"):
        return "not the address of one machine"
    if private:
        return None
    if address.is_loopback:
        return "this machine itself"
    if isinstance(address, IPv6Address) and address.is_site_local:
        return "a private address"
    if not address.is_global or address.is_reserved:
        return "a private or reserved address; ORION_NOTIFICATIONS_PRIVATE_TARGETS allows such targets"
    return None


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does: mapped, compatible, NAT64, 6to4 or Teredo."""
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        address = IPv6Address(int(address))
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _COMPATIBLE and int(address) > 1:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
