"""Results: literals in the state, files by size and checksum, and what happens when they are gone."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orion.sdk import results
from orion.sdk.errors import MissingResult
from orion.sdk.states import Completed, Failed, State
from orion.settings import temporary_settings


@pytest.fixture(autouse=True)
def storage(tmp_path: Path) -> Iterator[Path]:
    with temporary_settings({"ORION_LOCAL_STORAGE_PATH": str(tmp_path / "storage")}):
        yield tmp_path / "storage"


def kept(value: Any) -> dict[str, Any]:
    stored = results.store(value)
    if stored.blob:
        stored.blob.write()
    return stored.data


@pytest.mark.row("STO-07")
def test_a_large_result_is_a_file_and_the_state_only_points_to_it(storage: Path) -> None:
    value = {"rows": ["x" * 100] * 20}
    data = kept(value)
    file = storage / data["storage_key"]
    assert data["type"] == "reference"
    assert data["size"] == file.stat().st_size
    assert data["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert results.load(data) == value
    assert [path.name for path in storage.iterdir()] == [data["storage_key"]]


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", [1, "a"], {"a": [None]}])
def test_small_json_values_stand_in_the_state(value: Any) -> None:
    assert kept(value) == {"type": "literal", "value": value}


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {1, 2}, b"x", float("inf"), 2**70, "a\x00b", "x" * 5000])
def test_what_json_would_change_is_pickled(value: Any) -> None:
    data = kept(value)
    assert data["type"] == "reference"
    assert results.load(data) == value


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_every_plain_value_comes_back_equal(value: Any) -> None:
    assert results.load(kept(value)) == value


@pytest.mark.parametrize("harm", ["remove", "cut", "change"])
def test_a_missing_or_damaged_file_is_told_with_its_path(storage: Path, harm: str) -> None:
    data = kept(list(range(5000)))
    file = storage / data["storage_key"]
    content = file.read_bytes()
    if harm == "remove":
        file.unlink()
    else:
        file.write_bytes(content[:-1] if harm == "cut" else content[:-1] + b"?")
    with pytest.raises(MissingResult, match=str(file)):
        results.load(data, "the run")


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", ""])
def test_a_key_cannot_lead_out_of_the_storage(key: str) -> None:
    with pytest.raises(MissingResult, match="leads out"):
        results.load({"type": "reference", "storage_key": key})


def test_what_cannot_be_pickled_is_not_stored_and_says_why() -> None:
    data = kept(threading.Lock())
    assert data["type"] == "unpersisted"
    with pytest.raises(MissingResult, match="cannot be pickled"):
        results.load(data)


def test_a_result_that_cannot_be_stored_is_said_in_the_logs_of_its_run(home: Path) -> None:
    from orion import flow, task
    from orion.sdk import session
    from orion.sdk.client import SyncClient

    @task
    def lock() -> Any:
        return threading.Lock()

    @flow
    def locked() -> Any:
        return lock()

    assert locked() is not None
    session.close_all()
    with SyncClient() as client:
        said = [line for line in client.read_logs() if "The result is not stored: lock" in line.message]
        assert [line.level for line in said] == [30, 30]
        assert {line.task_run_id is None for line in said} == {True, False}


class Odd(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__("odd")


def test_an_exception_that_cannot_be_read_back_is_not_stored() -> None:
    assert kept(Odd(1, 2))["type"] == "unpersisted"


@pytest.mark.row("STO-08")
def test_a_state_gives_its_data_or_raises_its_exception() -> None:
    assert Completed(5).result() == 5
    error = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        Failed(error).result()
    assert Failed(error).result(raise_on_failure=False) is error


@pytest.mark.row("STO-08")
def test_a_state_read_from_the_api_gives_the_stored_exception() -> None:
    from orion.model.wire import encode, raw

    state = Failed(message="bad")
    state.data = raw(kept(KeyError("k")))
    import msgspec

    fetched = msgspec.json.decode(encode(state), type=State)
    with pytest.raises(KeyError, match="k"):
        fetched.result()
