"""A websocket conversation with an app in the process."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.web.browser import Client


class Socket:
    """One websocket conversation with the app, frame by frame."""

    def __init__(self, client: Client, path: str = "/api/events/in", **headers: str) -> None:
        self.client = client
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        fields = {"host": "127.0.0.1:4200", **headers}
        self.scope = {
            "type": "websocket", "app": client.app, "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()], "scheme": "ws",
            "server": ("127.0.0.1", 4200), "subprotocols": ["prefect"], "root_path": "",
            "extensions": {"websocket.http.response": {}},
        }  # fmt: skip

    async def __aenter__(self) -> Socket:
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(self.client.app(self.scope, self.inbox.get, self.sent.put))
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 20)

    async def heard(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.sent.get(), 20)

    def say(self, frame: Any) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self.inbox.put_nowait({"type": "websocket.receive", "text": text})

    async def greet(self, token: str | None = None) -> dict[str, Any]:
        assert (await self.heard())["subprotocol"] == "prefect"
        self.say({"type": "auth", "token": token})
        return await self.heard()
