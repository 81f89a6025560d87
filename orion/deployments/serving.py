"""Serving: deployments that are scheduled and run from one program, for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any

from orion.deployments.applying import apply
from orion.deployments.deployment import Deployment
from orion.errors import Invalid
from orion.sdk.client import SyncClient
from orion.sdk.connection import Connection, connect
from orion.sdk.loading_mark import LOADING
from orion.sdk.surroundings import is_async


def serve(
    *deployments: Deployment,
    limit: int | None = None,
    pause_on_shutdown: bool = True,
    delete_on_shutdown: bool = False,
) -> Any:
    """Apply deployments, run what they ask for, `limit` runs at one time at most, and return when told to stop.

    At the end their schedules rest, or go on planning (`pause_on_shutdown=False`), or the deployments are deleted.
    Each has a queue of its own: the same program started twice shares the work. In async code it is awaited.
    """
    if LOADING.get() is not None:
        logging.getLogger("orion").warning(
            "%s calls serve() while it is imported; the call is ignored. Put it under `if __name__ == '__main__'`.",
            LOADING.get(),
        )
        return None
    if not deployments:
        raise Invalid("There is nothing to serve: give deployments, made with flow.to_deployment(name).")
    ending = "delete" if delete_on_shutdown else "pause" if pause_on_shutdown else "keep"
    work = _serve(deployments, limit, ending)
    return work if is_async() else asyncio.run(work)


async def _serve(deployments: Sequence[Deployment], limit: int | None, ending: str) -> None:
    from orion.agent import Agent, Options

    connection = connect()
    if connection.is_local:
        raise Invalid("Serving needs a server: `orion start` starts one, ORION_API_URL says where it is.")
    ids = await asyncio.to_thread(_apply, deployments, connection)
    queues = tuple(str(deployment.work_queue_name) for deployment in deployments)
    options = Options(queues=queues, api=connection.url, key=_key(), limit=limit)
    try:
        await Agent(options, signals=threading.current_thread() is threading.main_thread()).work()
    finally:
        await asyncio.to_thread(_leave, ids, ending, connection)


def _apply(deployments: Sequence[Deployment], connection: Connection) -> list[str]:
    ids = []
    with SyncClient(connection) as client:
        for deployment in deployments:
            deployment.work_queue_name = f"serve {deployment.flow_name} {deployment.name}"
            ids.append(apply(deployment, client).id)
            print(f"Serving {deployment.flow_name}/{deployment.name}; Ctrl-C ends it.", flush=True)
    return ids


def _leave(ids: Sequence[str], ending: str, connection: Connection) -> None:
    with SyncClient(connection) as client:
        for deployment_id in ids if ending != "keep" else ():
            end = client.delete_deployment if ending == "delete" else client.pause_deployment
            end(deployment_id)


def _key() -> str | None:
    from orion.settings import current

    key: str | None = current().api_key
    return key
