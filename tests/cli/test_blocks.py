"""`orion block` and `orion variable`, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Orion

SOURCE = '''
from orion.blocks import Block, SecretStr

class Gate(Block):
    """A gate."""
    code: SecretStr
    size: int = 1
'''


@pytest.mark.row("CLI-05")
@pytest.mark.row("BLK-03")
def test_classes_of_a_file_or_module_are_registered(
    orion: Orion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gates.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    assert orion("block", "register", "-f", "gates.py").out == "Gate\tgate\n"
    assert orion("block", "register", "-m", "gates", "--json").json == [{"name": "Gate", "slug": "gate"}]
    assert "gate" in [row["slug"] for row in orion("block", "type", "ls", "--json").json]
    assert orion("block", "type", "inspect", "gate", "--json").json["fields"]["required"] == ["code"]
    assert "Block itself is no kind" in orion("block", "register", "-m", "orion.blocks.core", code=1).err
    assert "defines no block" in orion("block", "register", "-m", "json", code=1).err
    assert "either a module" in orion("block", "register", code=1).err
    assert "either a module" in orion("block", "register", "-m", "gates", "-f", "gates.py", code=1).err
    orion("block", "type", "delete", "gate", "--yes")
    assert "no block type 'gate'" in orion("block", "type", "inspect", "gate", code=1).err
    assert "protected" in orion("block", "type", "delete", "secret", "--yes", code=1).err


def test_a_block_is_created_shown_without_secrets_and_deleted(orion: Orion, tmp_path: Path) -> None:
    orion("block", "create", "secret", "token", "-v", "value=canary-88")
    (tmp_path / "value.yaml").write_text("value: {a: [1, two]}\n")
    orion("block", "create", "json", "data", "-f", str(tmp_path / "value.yaml"))
    rows = orion("block", "ls").out.splitlines()
    assert sorted(row.split("\t")[0] for row in rows) == ["json/data", "secret/token"]
    shown = orion("block", "inspect", "secret/token")
    assert "********" in shown.out and "canary-88" not in shown.out
    assert orion("block", "inspect", "json/data", "--json").json["data"] == {"value": {"a": [1, "two"]}}
    assert "add --overwrite" in orion("block", "create", "secret", "token", "-v", "value=x", code=1).err
    orion("block", "create", "secret", "token", "-v", "value=x", "--overwrite")
    assert "no field color" in orion("block", "create", "secret", "b", "-v", "color=x", code=1).err
    assert (
        "needs the fields value"
        in orion("block", "create", "secret", "b", "-f", _file(tmp_path, {}), code=1).err
    )
    assert "nobody to ask" in orion("block", "create", "secret", "b", code=1).err
    orion("block", "delete", "secret/token", "-y")
    assert "There is no block 'secret/token'" in orion("block", "inspect", "secret/token", code=1).err


def test_a_bad_file_is_not_quoted(orion: Orion, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("value: [canary-99\n")
    answer = orion("block", "create", "secret", "b", "-f", str(tmp_path / "bad.yaml"), code=1)
    assert "neither JSON nor YAML" in answer.err and "canary-99" not in answer.err


def test_variables_are_set_read_listed_and_unset(orion: Orion) -> None:
    orion("variable", "set", "region", "eu", "-t", "a")
    orion("variable", "set", "limits", '{"n": 1}')
    orion("variable", "set", "text", "5", "--text")
    assert orion("variable", "get", "region").out == "eu\n"
    assert orion("variable", "get", "limits", "--json").json["value"] == {"n": 1}
    values = {row["name"]: row["value"] for row in orion("variable", "ls", "--json").json}
    assert values == {"region": "eu", "limits": {"n": 1}, "text": "5"}
    orion("variable", "set", "region", "us")
    assert orion("variable", "get", "region", "--json").json["tags"] == ["a"]
    assert "has a value already" in orion("variable", "set", "region", "x", "--keep", code=1).err
    orion("variable", "unset", "region")
    assert "There is no variable 'region'" in orion("variable", "get", "region", code=1).err


def _file(folder: Path, data: object) -> str:
    path = folder / "fields.json"
    path.write_text(json.dumps(data))
    return str(path)
