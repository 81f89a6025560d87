"""`orion artifact`, without a server."""

from __future__ import annotations

from orion import artifacts
from tests.cli.conftest import Orion


def test_artifacts_are_listed_shown_and_deleted(orion: Orion) -> None:
    assert orion("artifact", "ls").out == ""
    artifacts.create_markdown_artifact("one", key="report", description="The first.")
    second = artifacts.create_markdown_artifact("two", key="report")
    alone = artifacts.create_progress_artifact(50)
    rows = [line.split("\t")[:3] for line in orion("artifact", "ls").out.splitlines()]
    assert rows == [["report", "markdown", second]]
    assert len(orion("artifact", "ls", "--all", "--json").json) == 3
    assert orion("artifact", "inspect", "report").out.endswith("\ntwo\n")
    assert orion("artifact", "inspect", alone, "--json").json["data"] == 50.0
    history = orion("artifact", "inspect", "report", "--limit", "9", "--json").json
    assert [row["data"] for row in history] == ["two", "one"]
    assert "add --yes" in orion("artifact", "delete", "report", code=2).err
    assert "Deleted the 2 artifacts of report." in orion("artifact", "delete", "report", "--yes").out
    assert "There is no artifact 'report'" in orion("artifact", "inspect", "report", code=1).err
    orion("artifact", "delete", alone, "-y")
    assert orion("artifact", "ls", "--all").out == ""
