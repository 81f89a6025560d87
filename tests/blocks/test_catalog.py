"""The catalogue of built-in types says what the classes say, and the server needs no class to show it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orion.blocks import Block, registry
from orion.model import catalog
from orion.model.checksums import checksum
from orion.sdk.client import SyncClient

ROOT = Path(__file__).parents[2]


@pytest.mark.row("BLK-12")
@pytest.mark.parametrize("slug", sorted(registry.BUILT_IN))
def test_the_catalogue_is_made_from_the_classes(slug: str) -> None:
    entry = next(entry for entry in catalog.entries() if entry.slug == slug)
    cls = registry.built_in(slug)
    assert json.loads(bytes(entry.fields)) == cls.get_block_schema(), "stale: run python scripts/catalog.py"
    assert entry.checksum == cls.get_block_checksum() == checksum(bytes(entry.fields))
    assert (entry.name, entry.description) == (cls.get_block_type_name(), cls.get_description())
    assert (entry.code_example, entry.capabilities) == (cls.get_code_example(), cls.get_block_capabilities())
    assert registry.find(slug) is cls and entry.description


@pytest.mark.row("BLK-12")
def test_built_in_types_are_there_when_they_are_asked_for(client: SyncClient) -> None:
    slugs = {kind.slug for kind in client.read_block_types() if kind.is_protected}
    named = (
        "secret json string date-time local-file-system remote-file-system s3 gcs azure smb github git process "
        "docker-container docker-registry kubernetes-job kubernetes-cluster-config "
        "slack-webhook ms-teams-webhook email-server webhook"
    )
    assert set(named.split()) <= slugs == set(registry.BUILT_IN)
    client.install_system_block_types()
    assert len(client.read_block_types()) == len(slugs)
    kind = client.read_block_type_by_slug("secret")
    (schema,) = client.read_block_schemas(block_schemas={"block_type_id": {"any_": [kind.id]}})
    assert schema.checksum == registry.find("secret").get_block_checksum()


def test_a_type_that_a_client_made_under_a_built_in_slug_is_taken_over(client: SyncClient) -> None:
    client._post("/block_types/", {"name": "Their Secret", "slug": "secret"})
    kind = client.read_block_type_by_slug("secret")
    assert kind.is_protected and kind.name == "Their Secret"
    Block.load_by_id(registry.find("secret")(value="x").save(is_anonymous=True))


def test_the_server_runs_without_the_classes() -> None:
    code = (
        "import sys, orion.web.routes as r; r.routes(True); from orion.model import catalog; catalog.entries();"
        "print([name for name in sys.modules if name.startswith('orion.blocks')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
