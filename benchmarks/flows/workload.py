"""One flow for every library: `BENCH_LIB` names it, `BENCH_SHAPE` the shape and `BENCH_N` the number of tasks.

Prints one line of JSON: the CPU and wall seconds of the first flow call, without what was imported before it, and of
one more call; and the requests that the first one sent, where `BENCH_COUNT` is set.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import time
from typing import Any

lib: Any = importlib.import_module(os.environ["BENCH_LIB"])
shape, n = os.environ.get("BENCH_SHAPE", "sequential"), int(os.environ.get("BENCH_N", "1"))


@lib.task
def step(number: int) -> int:
    return number + 1


@lib.task
async def async_step(number: int) -> int:
    return number + 1


def plain_fib(number: int) -> int:
    return number if number < 2 else plain_fib(number - 1) + plain_fib(number - 2)


@lib.task
def fib(number: int) -> int:
    return plain_fib(number)


@lib.flow
def child() -> int:
    return 1


@lib.flow
def sequential() -> None:
    for number in range(n):
        step(number)


@lib.flow
async def async_sequential() -> None:
    for number in range(n):
        await async_step(number)


@lib.flow
def mapped() -> None:
    futures = step.map(range(n))
    for future in futures:
        future.wait()


@lib.flow
def subflows() -> None:
    for _ in range(n):
        child()


@lib.flow
def light() -> None:
    for _ in range(n):
        fib(10)


@lib.flow
def heavy() -> None:
    for _ in range(n):
        fib(33)


def count_requests() -> list[str]:
    """Note each request that the library sends, in whatever thread: orion's own clients, else httpx."""
    if lib.__name__ == "orion":
        from orion.sdk import client

        kinds, name = (client.SyncClient, client.AsyncClient), "_once"
    else:
        import httpx

        kinds, name = (httpx.Client, httpx.AsyncClient), "send"
    sent: list[str] = []
    for kind in kinds:
        setattr(kind, name, _noting(getattr(kind, name), sent))
    return sent


def _noting(send: Any, sent: list[str]) -> Any:
    def noting(self: Any, request: Any, **kwargs: Any) -> Any:
        sent.append(request.method)
        return send(self, request, **kwargs)

    return noting


def timed(run: Any) -> tuple[float, float]:
    """The CPU and wall seconds of one flow call."""
    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(run()) if asyncio.iscoroutinefunction(run.fn) else run()
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    run = globals()[shape]
    sent = count_requests() if os.environ.get("BENCH_COUNT") else []
    cpu, wall = timed(run)
    requests = len(sent)
    again = timed(run) if os.environ.get("BENCH_AGAIN") else (0, 0)
    print(json.dumps({"cpu": cpu, "wall": wall, "requests": requests, "again": again}))


if __name__ == "__main__":
    main()
