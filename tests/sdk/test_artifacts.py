"""Artifacts from flow code: every kind, sync and async, tied to the run that made them."""

from __future__ import annotations

import asyncio
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import orion
from orion import flow, task
from orion.errors import Invalid
from orion.model.wire import unraw
from orion.sdk.client import SyncClient

PIXEL = b"\x89PNG\r\n\x1a\n" + b"0" * 8


@task
def in_a_task() -> str:
    return str(orion.create_table_artifact([{"a": 1}], key="of-the-task"))


@flow
def leaves_all_kinds(picture: str) -> str:
    orion.create_markdown_artifact("# Hello", key="text", description="A greeting.")
    orion.create_link_artifact("https://a.b/x(1)", "see [it]", key="link")
    orion.create_image_artifact(Path(picture), key="picture")
    orion.create_image_artifact("https://a.b/x.png")
    bar = orion.create_progress_artifact(0, key="bar")
    orion.update_progress_artifact(bar, 40.5, "on its way")
    return in_a_task()


def test_every_kind_is_kept_with_its_run(client: SyncClient, tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    picture.write_bytes(PIXEL)
    of_task = leaves_all_kinds(str(picture))
    rows = {row.key: row for row in client.read_artifacts()}
    run = client.read_flow_runs()[0]
    assert {row.flow_run_id for row in rows.values()} == {run.id}
    assert (rows["of-the-task"].id, rows["of-the-task"].task_run_id) == (
        of_task,
        client.read_task_runs()[0].id,
    )
    assert rows["text"].task_run_id is None and rows["text"].description == "A greeting."
    told = {key: (row.type, unraw(row.data)) for key, row in rows.items()}
    assert told == {
        "text": ("markdown", "# Hello"),
        "link": ("markdown", "[see \\[it\\]](https://a.b/x%281%29)"),
        "picture": ("image", "data:image/png;base64,iVBORw0KGgowMDAwMDAwMA=="),
        None: ("image", "https://a.b/x.png"),
        "bar": ("progress", 40.5),
        "of-the-task": ("table", '[{"a":1}]'),
    }
    assert rows["bar"].description == "on its way"


def test_in_async_code_they_are_awaited(client: SyncClient) -> None:
    @task
    async def below() -> str:
        return str(await orion.create_markdown_artifact("below", key="below"))

    @flow
    async def above() -> None:
        bar = await orion.create_progress_artifact(1, key="bar")
        await below()
        assert await orion.update_progress_artifact(bar, 100) == bar

    asyncio.run(above())
    rows = {row.key: row for row in client.read_artifacts()}
    assert unraw(rows["bar"].data) == 100 and rows["bar"].task_run_id is None
    assert rows["below"].task_run_id == client.read_task_runs()[0].id


def test_outside_of_runs_they_belong_to_none_and_have_a_history(client: SyncClient) -> None:
    orion.create_markdown_artifact("one", key="k")
    orion.create_markdown_artifact("two", key="k")
    assert unraw(client.read_latest_artifact("k").data) == "two"
    assert [row.flow_run_id for row in client.read_artifacts()] == [None, None]


class Frame:
    """As pandas says it."""

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        return [{"x": math.nan, "day": date(2026, 1, 2)}] if orient == "records" else []


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        (Frame(), '[{"x":null,"day":"2026-01-02"}]'),
        ({"a": [1, 2]}, '{"a":[1,2]}'),
        ([[1, "x"]], '[[1,"x"]]'),
        ([{"o": 1j}], '[{"o":"1j"}]'),
    ],
)
def test_tables_come_in_many_forms(client: SyncClient, table: Any, kept: str) -> None:
    orion.create_table_artifact(table)
    assert unraw(client.read_artifacts()[0].data) == kept


def test_what_cannot_be_shown_is_refused(home: Path) -> None:
    for wrong in (
        lambda: orion.create_link_artifact("javascript:alert(1)"),
        lambda: orion.create_image_artifact("file:///etc/passwd"),
        lambda: orion.create_image_artifact(b"%PDF"),
        lambda: orion.create_progress_artifact(101),
        lambda: orion.create_table_artifact("text"),
        lambda: orion.create_markdown_artifact("x", key="Not A Key"),
    ):
        with pytest.raises(Invalid):
            wrong()
