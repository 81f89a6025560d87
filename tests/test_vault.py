"""The vault: sealed values open again with their key, and with no other."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from orion.settings import load
from orion.vault import KEY_FILE, Vault, WrongKey, open_vault


def test_a_sealed_value_opens_again_and_shows_nothing() -> None:
    vault = Vault(["any words will do"])
    token = vault.seal({"password": "canary", "n": [1, None]})
    assert "canary" not in token
    assert vault.open(token) == {"password": "canary", "n": [1, None]}


def test_another_key_is_refused_with_what_to_do() -> None:
    token = Vault(["one"]).seal("x")
    with pytest.raises(WrongKey, match="ORION_ENCRYPTION_KEY"):
        Vault(["two"]).open(token)


def test_keys_are_rotated_by_putting_the_new_one_first(tmp_path: Path) -> None:
    old = Vault(["old"]).seal("x")
    both = open_vault(load({"ORION_HOME": str(tmp_path), "ORION_ENCRYPTION_KEY": "new, old"}))
    assert both.open(old) == "x"
    with pytest.raises(WrongKey):
        Vault(["old"]).open(both.seal("y"))


def test_without_a_key_one_is_made_in_a_file_for_its_owner_only(tmp_path: Path) -> None:
    settings = load({"ORION_HOME": str(tmp_path / "home")})
    token = open_vault(settings).seal("x")
    file = tmp_path / "home" / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == [KEY_FILE]
    assert open_vault(settings).open(token) == "x"
