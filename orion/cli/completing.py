"""Completion of values in the shell: names that the API, the profiles or the settings know.

Asked at each press of the tab key, so it is quick, shows a screenful, and has nothing to say where anything is wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from orion.cli.api import Api

if TYPE_CHECKING:
    from orion.cli.profile_file import ProfileFile

MOST = 200
SECONDS = 2.0
Complete = Callable[[str], list[str]]


def _completing(find: Callable[[str], Iterable[str]]) -> Complete:
    """What `find` gives that begins with what is typed; errors are kept quiet."""

    def complete(incomplete: str) -> list[str]:
        logging.disable(logging.CRITICAL)
        try:
            return sorted({value for value in find(incomplete) if value.startswith(incomplete)})
        except Exception:
            return []
        finally:
            logging.disable(logging.NOTSET)

    complete.__doc__ = find.__doc__
    return complete


def _asking(find: Callable[[Api, str], Iterable[str]]) -> Complete:
    """The same for what the API knows."""

    def ask(incomplete: str) -> list[str]:
        from orion.sdk.client import SyncClient
        from orion.sdk.exchange import Patience

        with SyncClient(patience=Patience(SECONDS, 1)) as client:
            return list(find(Api(client), incomplete))

    ask.__doc__ = find.__doc__
    return _completing(ask)


def _named(api: Api, resource: str, incomplete: str) -> Iterator[dict[str, Any]]:
    """Rows whose name holds what is typed, or whose id may begin with it."""
    name = {"name": {"like_": incomplete}} if incomplete else {}
    yield from api.rows(f"/{resource}/filter", {resource: name}, MOST)


@_asking
def flows(api: Api, incomplete: str) -> Iterator[str]:
    """Names of flows."""
    return (row["name"] for row in _named(api, "flows", incomplete))


@_asking
def deployments(api: Api, incomplete: str) -> Iterator[str]:
    """Deployments as `flow/name`."""
    from orion.cli.lookup import flow_names

    flow, slash, name = incomplete.partition("/")
    wanted: dict[str, Any] = {"flows": {"name": {"any_": [flow]}}} if slash else {}
    if slash and name:
        wanted["deployments"] = {"name": {"like_": name}}
    elif flow and not slash:
        wanted["flows"] = {"name": {"like_": flow}}
    rows = api.rows("/deployments/filter", wanted, MOST)
    names = flow_names(api, rows)
    return (f"{names.get(row['flow_id'], '')}/{row['name']}" for row in rows)


@_asking
def runs(api: Api, incomplete: str) -> Iterator[str]:
    """Names of the newest runs; once there is a digit, ids too."""
    body = {"sort": "EXPECTED_START_TIME_DESC"}
    if not incomplete or any(mark.isdigit() for mark in incomplete):
        newest = api.rows("/flow_runs/filter", body, MOST)
        yield from (row["id"] for row in newest if incomplete)
        yield from (row["name"] for row in newest)
    like = {"flow_runs": {"name": {"like_": incomplete}}} if incomplete else {}
    yield from (row["name"] for row in api.rows("/flow_runs/filter", {**body, **like}, MOST) if incomplete)


@_asking
def queues(api: Api, incomplete: str) -> Iterator[str]:
    """Names of work queues."""
    return (row["name"] for row in api.rows("/work_queues/filter", {}, MOST))


@_asking
def tags(api: Api, incomplete: str) -> Iterator[str]:
    """Tags that have a limit."""
    return (row["tag"] for row in api.rows("/concurrency_limits/filter", {}, MOST))


@_asking
def limits(api: Api, incomplete: str) -> Iterator[str]:
    """Names of global limits."""
    return (row["name"] for row in api.rows("/v2/concurrency_limits/filter", {}, MOST))


@_asking
def variables(api: Api, incomplete: str) -> Iterator[str]:
    """Names of variables."""
    return (row["name"] for row in api.rows("/variables/filter", {}, MOST))


@_asking
def blocks(api: Api, incomplete: str) -> Iterator[str]:
    """Saved blocks as `type/name`."""
    rows = api.rows("/block_documents/filter", {}, MOST)
    return (f"{row['block_type']['slug']}/{row['name']}" for row in rows if row.get("name"))


@_asking
def block_types(api: Api, incomplete: str) -> Iterator[str]:
    """Slugs of block types."""
    return (row["slug"] for row in api.rows("/block_types/filter", {}, MOST))


def words(*choices: str) -> Complete:
    """What completes one of some words, in the case that is typed."""

    def find(incomplete: str) -> Iterable[str]:
        return choices if not incomplete.islower() else map(str.lower, choices)

    return _completing(find)


@_completing
def profiles(incomplete: str) -> list[str]:
    """Names of profiles."""
    return list(_profiles().profiles)


@_completing
def settings(incomplete: str) -> list[str]:
    """Names of settings, as the environment has them."""
    from orion.settings import SETTINGS

    return [setting.name for setting in SETTINGS]


@_completing
def set_settings(incomplete: str) -> list[str]:
    """Names of the settings that the active profile sets."""
    from orion.settings import current

    file = _profiles()
    return list(file.profiles.get(current().profile, {}))


@_completing
def assignments(incomplete: str) -> list[str]:
    """Names of settings with the sign after which the value comes."""
    return [f"{name}=" for name in settings("")]


def _profiles() -> ProfileFile:
    from orion.cli.profile_file import ProfileFile

    return ProfileFile()
