"""Whatever a command names is found by its name, its id, or an unambiguous beginning of its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orion import artifacts, flow, task
from orion.cli.api import Api, api
from tests.cli.conftest import Orion

pytestmark = pytest.mark.usefixtures("migrated")

Row = dict[str, Any]


@pytest.fixture
def server(orion: Orion) -> Iterator[Api]:
    with api() as opened:
        yield opened


def shown(orion: Orion, command: str, names: tuple[str, ...]) -> set[str]:
    """The ids that a command shows for these ways to name one thing."""
    return {orion(*command.split(), name, "--json").json["id"] for name in names}


def ways(name: str, id: str) -> tuple[str, ...]:
    return name, id, id.upper(), id[:-2]


def test_variables_and_limits_have_names_ids_and_beginnings(orion: Orion, server: Api) -> None:
    variable = server.post("/variables/", {"name": "region", "value": "eu"})
    tagged = server.post("/concurrency_limits/", {"tag": "db", "concurrency_limit": 2})
    named = server.post("/v2/concurrency_limits/", {"name": "api", "limit": 2})
    for name in ways("region", variable["id"]):
        assert orion("variable", "get", name).out == "eu\n"
    assert shown(orion, "concurrency-limit inspect", ways("db", tagged["id"])) == {tagged["id"]}
    assert shown(orion, "gcl inspect", ways("api", named["id"])) == {named["id"]}
    assert "There is no variable 'abcd'" in orion("variable", "get", "abcd", code=1).err
    assert "There is no limit 'abcd'" in orion("gcl", "inspect", "abcd", code=1).err
    assert "'region'" in orion("variable", "unset", variable["id"][:-2]).out
    assert "'db'" in orion("concurrency-limit", "delete", tagged["id"][:-2]).out
    assert not server.rows("/variables/filter", {}, 5)
    assert not server.rows("/concurrency_limits/filter", {}, 5)


def test_blocks_and_their_types_have_names_ids_and_beginnings(orion: Orion, server: Api) -> None:
    orion("block", "create", "secret", "token", "--value", "value=x")
    kind = server.get("/block_types/slug/secret")
    [block] = server.rows("/block_documents/filter", {"block_documents": {"name": {"any_": ["token"]}}}, 5)
    assert shown(orion, "block type inspect", ways("secret", kind["id"])) == {kind["id"]}
    assert shown(orion, "block inspect", ("secret/token", *ways("token", block["id"]))) == {block["id"]}
    error = orion("block", "inspect", "secret/other", code=1).err
    assert "There is no block 'secret/other'" in error and "orion block ls" in error
    assert "Deleted secret/token." in orion("block", "delete", block["id"][:-2], "--yes").out


def test_a_block_name_of_two_types_is_refused_with_their_ids(orion: Orion) -> None:
    orion("block", "create", "secret", "same", "--value", "value=x")
    orion("block", "create", "string", "same", "--value", "value=x")
    assert "'same' fits several blocks" in orion("block", "inspect", "same", code=1).err


def test_artifacts_have_keys_ids_and_beginnings(orion: Orion) -> None:
    id = artifacts.create_markdown_artifact("one", key="report")
    assert shown(orion, "artifact inspect", ways("report", str(id))) == {str(id)}
    orion("artifact", "delete", str(id)[:-2], "--yes")
    assert orion("artifact", "ls", "--all").out == ""


@task
def load() -> str:
    return "of the task"


@flow(persist_result=True, flow_run_name="amber-lynx")
def etl() -> str:
    load()
    return "of the flow"


def test_the_result_of_a_run_is_found_by_every_way_to_name_it(orion: Orion, server: Api) -> None:
    etl()
    [run] = server.rows("/flow_runs/filter", {}, 5)
    [made] = server.rows("/task_runs/filter", {}, 5)
    wanted = dict.fromkeys(ways("amber-lynx", run["id"]), "of the flow")
    wanted |= dict.fromkeys(ways(made["id"], made["id"]), "of the task")
    assert {name: orion("result", name).out.strip() for name in wanted} == wanted
    assert "There is no flow run 'nothing'" in orion("result", "nothing", code=1).err


def test_runs_are_listed_by_the_id_of_their_flow(orion: Orion, server: Api) -> None:
    ids = {name: server.post("/flows/", {"name": name})["id"] for name in ("a", "b", "c")}
    for name, id in ids.items():
        server.post("/flow_runs/", {"flow_id": id, "name": f"run of {name}"})

    def found(*names: str) -> set[str]:
        flags = [word for name in names for word in ("--flow-name", name)]
        return {row["name"] for row in orion("flow-run", "ls", *flags, "--json").json}

    assert found(ids["a"]) == {"run of a"}
    assert found(ids["a"].upper(), "b") == {"run of a", "run of b"}
