"""`orion gcl`: named limits from the command line."""

from __future__ import annotations

from tests.cli.conftest import Orion


def test_a_named_limit_from_its_making_to_its_end(orion: Orion) -> None:
    orion("gcl", "create", "api", "--limit", "3")
    orion("gcl", "update", "api", "--limit", "5", "--slot-decay-per-second", "0.5")
    orion("global-concurrency-limit", "disable", "api")
    row = orion("gcl", "inspect", "api", "--json").json
    assert (row["limit"], row["slot_decay_per_second"], row["active"]) == (5, 0.5, False)
    orion("gcl", "enable", "api")
    (listed,) = orion("gcl", "ls", "--json").json
    assert (listed["name"], listed["active"]) == ("api", True)
    assert orion("gcl", "ls").out.split("\t")[:4] == ["api", "5", "0", "0.5"]
    orion("gcl", "delete", "api")
    assert orion("gcl", "ls").out == ""


def test_a_limit_that_is_not_there_is_named_with_what_to_do(orion: Orion) -> None:
    assert "orion gcl ls" in orion("gcl", "inspect", "api", code=None).err
    assert orion("gcl", "delete", "api", code=None).code != 0
    assert "--limit" in orion("gcl", "update", "api", code=None).err
