"""The key that block documents are encrypted with, and its change."""

from __future__ import annotations

from orion.store import block_documents
from orion.store.base import Lane
from orion.vault import KEY_FILE, change_key, open_vault
from orion.web.call import Call, Reply

BATCH = 200


async def rotate(call: Call) -> Reply:
    """Encrypt every block document with a new key, or with the first of ORION_ENCRYPTION_KEY where that is set."""
    open_vault(call.settings, make=not await call.store.read(block_documents.any))
    in_file = change_key(call.settings)
    vault, after, count = open_vault(call.settings), "", 0
    while True:
        ids = await call.store.write(block_documents.reseal, after, BATCH, vault, lane=Lane.LOW)
        if not ids:
            return Reply({"documents": count, "key": KEY_FILE if in_file else "ORION_ENCRYPTION_KEY"})
        after, count = ids[-1], count + len(ids)
