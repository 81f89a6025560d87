"""Unmodified clients register, save and load blocks against a real server, and orion's classes read what they saved."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from orion.blocks import Block, LocalFileSystem, Secret
from orion.model.wire import unraw
from orion.sdk.client import SyncClient
from orion.settings import temporary_settings
from tests.compat.test_clients import peer, server
from tests.servers import OrionServer, clean_environment

__all__ = ["peer", "server"]
SCRIPT = Path(__file__).parent / "peer_blocks.py"


@pytest.mark.row("BLK-08")
def test_a_client_saves_blocks_that_it_and_orion_load(peer: str, server: OrionServer, tmp_path: Path) -> None:
    home, report = tmp_path / "client", tmp_path / "report.json"
    home.mkdir()
    environment = clean_environment(home, PREFECT_API_URL=server.api, PREFECT_HOME=str(home))
    command = [peer, str(SCRIPT), str(report)]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(report.read_text())
    checksums = seen.pop("checksums")
    assert seen == {
        "secret": "peer-secret", "linked": ["changed", "peer-password"], "copied": "copied", "files": "/tmp",
    }  # fmt: skip
    with temporary_settings({"ORION_API_URL": server.api}), SyncClient() as client:
        for checksum in checksums.values():
            assert client.read_block_schema_by_checksum(checksum).checksum == checksum
        assert unraw(client.read_variable_by_name("size").value) == "large"
        with pytest.warns(UserWarning, match="another schema"):
            token, files = Secret.load("token"), Block.load("local-file-system/files")
        assert (
            token.get() == "peer-secret" and isinstance(files, LocalFileSystem) and files.basepath == "/tmp"
        )
