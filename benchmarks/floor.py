"""The floor: the least that any program must do. A bare route that inserts one row and commits, and an empty answer."""

from __future__ import annotations

import os
import sqlite3
import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

db = sqlite3.connect(os.environ.get("FLOOR_DB", ":memory:"), isolation_level=None, check_same_thread=False)
db.executescript(
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS t (a TEXT, b TEXT)"
)


async def empty(request: Request) -> Response:
    return Response(b"true", media_type="application/json")


async def insert(request: Request) -> Response:
    body = await request.body()
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO t VALUES (?, ?)", ("x", body.decode()))
    db.execute("COMMIT")
    return Response(body, status_code=201, media_type="application/json")


app = Starlette(routes=[Route("/api/health", empty), Route("/api/flow_runs/", insert, methods=["POST"])])

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
