"""Flow runs in containers, through a stand-in that speaks the Docker Engine's API."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orion.blocks import DockerContainer
from orion.blocks.infrastructure.docker import Docker
from orion.blocks.infrastructure.docker_api import DockerAway, DockerRefusal
from orion.settings import temporary_settings
from tests.agent.house import House, Start
from tests.infrastructure.docker_engine import Engine
from tests.servers import eventually

QUICK = {"command": [sys.executable, "-c", "print('begun', flush=True); raise SystemExit(3)"]}
ENDLESS = {"command": [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(60)"]}


def in_docker(**variables: Any) -> dict[str, Any]:
    return {"job_variables": {"type": "docker-container", "image": "flows:1", **variables}}


def crash_of(house: House, run: str) -> str:
    kind, message = eventually(lambda: (found := house.state(run))[0] == "CRASHED" and found)
    assert kind == "CRASHED"
    return str(message)


@pytest.mark.row("INF-02")
def test_a_flow_runs_to_its_end_in_a_container(
    house: House, start: Start, engine: Engine, flow_file: Path
) -> None:
    where = {"path": str(flow_file.parent), "entrypoint": "flows.py:hello"}
    run = house.run(house.deploy(**where, **in_docker(env={"REGION": "eu"}, labels={"team": "data"})))
    start()
    eventually(lambda: house.state(run)[0] in ("COMPLETED", "CRASHED", "FAILED"))
    assert house.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"], house.state(run)
    container, found = engine.only(), house.get(f"/flow_runs/{run}")
    assert found["infrastructure_pid"] == f"{os.uname().nodename}:docker-container:{container.id}"
    assert container.name == found["name"]
    assert container.body["Cmd"] == ["python", "-m", "orion.engine"]
    assert container.body["Labels"]["team"] == "data"
    assert container.body["Labels"]["orion.flow-run-id"] == run
    assert eventually(lambda: "hello world" in house.logs(run))


@pytest.mark.row("INF-02")
def test_a_container_is_given_a_way_to_a_server_of_its_machine_and_nothing_of_the_agents_environment(
    house: House, start: Start, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    run = house.run(house.deploy(**in_docker(**QUICK)))
    start()
    crash_of(house, run)
    body = engine.only().body
    env = dict(pair.split("=", 1) for pair in body["Env"])
    assert env["ORION_API_URL"] == house.api.replace("127.0.0.1", "host.docker.internal")
    assert body["HostConfig"]["ExtraHosts"] == ["host.docker.internal:host-gateway"]
    assert not env.keys() & {"PATH", "HOME", "PYTHONPATH", "AWS_SECRET_ACCESS_KEY", "ORION_HOME"}


@pytest.mark.row("INF-02")
def test_a_crash_names_the_exit_code_and_keeps_the_last_words(
    house: House, start: Start, engine: Engine
) -> None:
    run = house.run(house.deploy(**in_docker(**QUICK)))
    start()
    assert "exit code 3" in crash_of(house, run)
    assert "begun" in house.logs(run)


@pytest.mark.row("INF-02")
def test_a_container_without_memory_says_so(house: House, start: Start, engine: Engine) -> None:
    engine.memory_killed = True
    run = house.run(house.deploy(**in_docker(mem_limit="64m", cpus=0.5, **QUICK)))
    start()
    assert "out of memory; its limit is 64m" in crash_of(house, run)
    host = engine.only().body["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (64 << 20, 500_000_000)


@pytest.mark.row("INF-02")
def test_options_of_the_network_volumes_and_removal_reach_the_engine(
    house: House, start: Start, engine: Engine
) -> None:
    options = {
        "networks": ["one", "two"],
        "volumes": ["/data:/data:ro"],
        "auto_remove": True,
        "name": "my run!",
    }
    run = house.run(house.deploy(**in_docker(**options, **ENDLESS)))
    start()
    container = eventually(lambda: engine.containers and engine.only().process and engine.only())
    assert container.name == "my-run"
    assert container.body["HostConfig"]["NetworkMode"] == "one"
    assert container.body["HostConfig"]["Binds"] == ["/data:/data:ro"]
    assert engine.connected == [("two", container.id)]
    container.process.kill()
    assert "137" in crash_of(house, run)
    eventually(lambda: "remove" in engine.calls)


@pytest.mark.row("INF-02")
def test_a_name_that_is_taken_gets_a_number(house: House, start: Start, engine: Engine) -> None:
    deployment = house.deploy(**in_docker(name="same", **QUICK))
    runs = [house.run(deployment) for _ in range(2)]
    start()
    for run in runs:
        crash_of(house, run)
    assert sorted(container.name for container in engine.containers.values()) == ["same", "same-1"]


@pytest.mark.row("INF-02")
def test_images_are_pulled_as_the_policy_says(house: House, start: Start, engine: Engine) -> None:
    engine.registry |= {"flows:latest": None, "flows:2": None, "flows:1": None}
    images = {"flows": None, "flows:2": "IF_NOT_PRESENT", "flows:1": "IF_NOT_PRESENT"}
    engine.images.add("flows")
    for number, (image, policy) in enumerate(images.items()):
        variables = in_docker(**{**QUICK, "image": image, "image_pull_policy": policy})
        run = house.run(house.deploy(f"d{number}", **variables))
        start()
        crash_of(house, run)
        pulled = image != "flows:1"
        assert (f"Pulling the image {image!r}." in house.logs(run)) is pulled
    assert [call for call in engine.calls if call.startswith("pull")] == ["pull flows:latest", "pull flows:2"]


@pytest.mark.row("INF-02")
def test_an_image_that_may_not_be_pulled_or_does_not_exist_is_told(
    house: House, start: Start, engine: Engine
) -> None:
    never = house.run(house.deploy("a", **in_docker(image="gone:1", image_pull_policy="NEVER")))
    gone = house.run(house.deploy("b", **in_docker(image="gone:1")))
    start()
    told = "The process could not be started: The image 'gone:1' is not on this machine"
    assert crash_of(house, never).startswith(told)
    assert "pull access denied for gone:1" in crash_of(house, gone)


@pytest.mark.row("INF-02")
def test_a_private_image_is_pulled_with_the_account_of_a_block(
    house: House, start: Start, engine: Engine
) -> None:
    engine.registry["r.example:5000/f:1"] = "right"
    account = {"username": "me", "registry_url": "r.example:5000"}
    states = {}
    for password in ("wrong", "right"):
        registry = {**account, "password": password}
        variables = in_docker(**{**QUICK, "image": "r.example:5000/f:1", "image_registry": registry})
        run = house.run(house.deploy(password, **variables))
        start()
        states[password] = crash_of(house, run)
    assert "unauthorized: wrong password" in states["wrong"]
    assert "exit code 3" in states["right"]


@pytest.mark.row("INF-02")
def test_an_engine_that_fails_or_is_away_is_told(
    house: House, start: Start, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.failing["start"] = (500, "driver failed programming external connectivity")
    run = house.run(house.deploy("a", **in_docker()))
    start()
    assert "driver failed programming external connectivity (500)" in crash_of(house, run)
    eventually(lambda: not engine.containers)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    run = house.run(house.deploy("b", **in_docker()))
    assert "The Docker Engine at unix:///nowhere.sock does not answer" in crash_of(house, run)


@pytest.mark.row("INF-02")
def test_an_engine_that_goes_while_a_run_goes_on_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """And asked again: when it is back the container is gone."""

    class Engineless:
        asked = 0

        async def stream(self, *_: Any, **__: Any) -> AsyncIterator[bytes]:
            self.asked += 1
            if self.asked > 5:
                raise DockerRefusal(404, "No such container")
            raise DockerAway("Docker does not answer")
            yield b""

    place = Docker({"image": "flows:1"}, api=Engineless())  # type: ignore[arg-type]  # what it asks for is there
    assert str(asyncio.run(place.watch("c" * 64, print))).startswith("somebody removed the container")
    assert [record.message for record in caplog.records] == [
        "Container cccccccccccc is out of sight, and asked for again: Docker does not answer"
    ]


@pytest.mark.row("INF-02")
def test_output_is_whole_and_once_over_broken_streams(house: House, start: Start, engine: Engine) -> None:
    engine.cut_logs = 3
    code = "import sys, time\nfor n in range(6): print('line', n, flush=True); time.sleep(0.02)\nsys.exit(1)"
    run = house.run(house.deploy(**in_docker(command=[sys.executable, "-c", code])))
    start()
    crash_of(house, run)
    assert engine.calls.count("logs") > 1
    assert [line for line in house.logs(run) if "line" in line] == [f"line {n}" for n in range(6)]


@pytest.mark.row("INF-02")
def test_a_log_that_cannot_be_read_does_not_end_the_run(house: House, start: Start, engine: Engine) -> None:
    engine.failing["logs"] = (501, "configured logging driver does not support reading")
    run = house.run(house.deploy(**in_docker(**QUICK)))
    start()
    assert "exit code 3" in crash_of(house, run)


@pytest.mark.row("INF-02")
def test_cancelling_stops_the_container_with_the_grace(
    house: House, start: Start, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.agent.BEAT_SECONDS", 0.1)
    run = house.run(house.deploy(**in_docker(**ENDLESS)))
    start(grace=7)
    eventually(lambda: engine.containers and engine.only().output)
    house.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": True})
    eventually(lambda: house.state(run)[0] == "CANCELLED")
    assert engine.only().stopped_with == 7


@pytest.mark.row("INF-02")
def test_a_container_that_somebody_removes_ends_the_run(house: House, start: Start, engine: Engine) -> None:
    run = house.run(house.deploy(**in_docker(**ENDLESS)))
    start()
    eventually(lambda: engine.containers and engine.only().output)
    socket = httpx.HTTPTransport(uds=os.environ["DOCKER_HOST"].removeprefix("unix://"))
    with httpx.Client(transport=socket, base_url="http://docker") as http:
        http.delete(f"/v1.44/containers/{engine.only().id}", params={"force": "1"}).raise_for_status()
    assert "somebody removed the container" in crash_of(house, run)


@pytest.mark.row("INF-02")
def test_a_container_outlives_its_agent_and_is_adopted_by_the_next(
    house: House, start: Start, engine: Engine
) -> None:
    run = house.run(house.deploy(**in_docker(**ENDLESS)))
    first = start()
    eventually(lambda: engine.containers and engine.only().output)
    eventually(lambda: house.get(f"/flow_runs/{run}")["infrastructure_pid"])
    assert first.stop() == 0
    assert not engine.only().ended.is_set() and house.state(run)[0] == "PENDING"
    second = start()
    eventually(lambda: second.agent and run in second.agent.children)
    engine.only().process.kill()
    assert "exit code 137" in crash_of(house, run)


@pytest.mark.row("EPH-04")
@pytest.mark.parametrize("url", ["", "ephemeral"])
def test_a_container_without_the_address_of_a_server_is_refused(
    house: House, start: Start, engine: Engine, url: str
) -> None:
    run = house.run(house.deploy(**in_docker(env={"ORION_API_URL": url})))
    start()
    assert "A Docker container needs the address of a server" in crash_of(house, run)


@pytest.mark.row("INF-02")
def test_a_saved_block_says_how_to_run_and_job_variables_come_after_it(
    house: House, start: Start, engine: Engine
) -> None:
    with temporary_settings({"ORION_API_URL": house.api}):
        block = DockerContainer(image="flows:1", env={"A": "block", "B": "block"}, **QUICK).save("main")
    variables = {"env": {"B": "deployment"}, "mem_limit": "64m"}
    run = house.run(house.deploy(infrastructure_document_id=block, job_variables=variables))
    start()
    assert "exit code 3" in crash_of(house, run)
    body = engine.only().body
    assert {"A=block", "B=deployment"} <= set(body["Env"])
    assert body["HostConfig"]["Memory"] == 64 << 20


@pytest.mark.row("INF-02")
def test_a_mode_of_the_network_is_given_instead_of_networks() -> None:
    from orion.blocks.infrastructure import InfrastructureError
    from orion.blocks.infrastructure.container_options import create_body
    from orion.blocks.infrastructure.docker import Docker

    block, run = DockerContainer(image="flows:1", network_mode="host"), {"id": "1", "name": "run"}
    body = create_body(block, run, ["x"], {"ORION_API_URL": "http://127.0.0.1:4200/api"})
    assert body["HostConfig"]["NetworkMode"] == "host" and "ExtraHosts" not in body["HostConfig"]
    assert body["Env"] == ["ORION_API_URL=http://127.0.0.1:4200/api"]  # it shares the machine's own loopback
    with pytest.raises(InfrastructureError, match="either networks or a network_mode"):
        Docker({"image": "flows:1", "networks": ["one"], "network_mode": "host"})
