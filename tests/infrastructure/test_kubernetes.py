"""Flow runs as Kubernetes jobs, through a stand-in that speaks the API of a cluster."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orion.blocks.infrastructure import Exit
from orion.blocks.infrastructure.kubernetes import Kubernetes
from orion.blocks.infrastructure.pods import pod_exit, waits_for
from tests.agent.house import House, Start
from tests.infrastructure.kubernetes_cluster import NAME, Cluster
from tests.servers import eventually

QUICK = {"command": [sys.executable, "-c", "print('begun', flush=True); raise SystemExit(3)"]}
ENDLESS = {"command": [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(60)"]}


@pytest.fixture(autouse=True)
def server_url(cluster: Cluster, house: House) -> None:
    """The cluster's name server leads pods to the server."""
    cluster.server_url = house.api


def in_cluster(env: dict[str, str] | None = None, **variables: Any) -> dict[str, Any]:
    addresses = {"ORION_API_URL": f"http://{NAME}/api", **(env or {})}
    return {"job_variables": {"type": "kubernetes-job", "image": "flows:1", "env": addresses, **variables}}


def crash_of(house: House, run: str) -> str:
    return str(eventually(lambda: (found := house.state(run))[0] == "CRASHED" and found)[1])


@pytest.mark.row("INF-03")
def test_a_flow_runs_to_its_end_in_a_job(
    house: House, start: Start, cluster: Cluster, flow_file: Path
) -> None:
    where = {"path": str(flow_file.parent), "entrypoint": "flows.py:hello"}
    options = {"service_account_name": "runner", "finished_job_ttl": 60, "image_pull_policy": "Always"}
    run = house.run(house.deploy(**where, **in_cluster({"REGION": "eu"}, **options)))
    start()
    eventually(lambda: house.state(run)[0] in ("COMPLETED", "CRASHED", "FAILED"))
    assert house.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"], house.state(run)
    job, found = cluster.only(), house.get(f"/flow_runs/{run}")
    name, pod = job["metadata"]["name"], job["spec"]["template"]["spec"]
    assert found["infrastructure_pid"] == f"{os.uname().nodename}:kubernetes-job:default/{name}"
    assert (job["spec"]["backoffLimit"], job["spec"]["ttlSecondsAfterFinished"]) == (0, 60)
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("runner", "Never")
    container = pod["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == ("flows:1", "Always")
    assert {"name": "REGION", "value": "eu"} in container["env"]
    assert eventually(lambda: "hello world" in house.logs(run))


@pytest.mark.row("INF-03")
def test_a_template_and_patches_shape_the_job(house: House, start: Start, cluster: Cluster) -> None:
    template = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {
            "backoffLimit": 6,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "own"}]}},
        },
    }
    patches = [
        {"op": "add", "path": "/spec/template/spec/nodeSelector", "value": {"disk": "fast"}},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "flows:9"},
    ]
    run = house.run(
        house.deploy(**in_cluster(job=template, customizations=patches, namespace="etl", **QUICK))
    )
    start()
    crash_of(house, run)
    job = cluster.only()
    assert job["metadata"]["namespace"] == "etl"
    assert job["spec"]["backoffLimit"] == 0  # retries are orion's, whatever the template says
    pod = job["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert (pod["containers"][0]["name"], pod["containers"][0]["image"]) == ("own", "flows:9")


@pytest.mark.row("INF-03")
def test_a_crash_names_the_exit_code_and_keeps_the_last_words(
    house: House, start: Start, cluster: Cluster
) -> None:
    run = house.run(house.deploy(**in_cluster(**QUICK)))
    start()
    assert "exit code 3" in crash_of(house, run)
    assert "begun" in house.logs(run)


@pytest.mark.row("INF-03")
def test_a_pod_without_memory_says_so(house: House, start: Start, cluster: Cluster) -> None:
    cluster.memory_killed = True
    run = house.run(house.deploy(**in_cluster(**QUICK)))
    start()
    assert "out of memory (OOMKilled)" in crash_of(house, run)


@pytest.mark.row("INF-03")
def test_watches_and_logs_go_on_where_they_broke(
    house: House, start: Start, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.expired, cluster.cut_watches, cluster.cut_logs = 1, 2, 1
    code = (
        "import os, sys, time\n"
        "for n in range(3): print('line', n, flush=True)\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)\n"
        "print('line 3')\n"
        "sys.exit(1)"
    )
    run = house.run(house.deploy(**in_cluster(command=[sys.executable, "-c", code])))
    start()
    eventually(lambda: cluster.watches >= 4 and not cluster.cut_logs)
    (tmp_path / "go").touch()
    assert "exit code 1" in crash_of(house, run)
    assert [line for line in house.logs(run) if "line" in line] == [f"line {n}" for n in range(4)]


@pytest.mark.row("INF-03")
@pytest.mark.parametrize(
    ("refused", "told"),
    [
        ((403, "Forbidden", 'jobs.batch is forbidden: User "agent" cannot create'), "manifest orion"),
        ((404, "NotFound", 'namespaces "default" not found'), 'namespaces "default" not found'),
        ((409, "AlreadyExists", 'jobs.batch "etl" already exists'), 'jobs.batch "etl" already exists'),
        ((422, "Invalid", "Job is invalid: spec.template: Required value"), "Required value"),
        ((500, "InternalError", "etcdserver: request timed out"), "request timed out"),
    ],
)
def test_a_job_that_is_refused_is_told(
    house: House, start: Start, cluster: Cluster, refused: tuple[int, str, str], told: str
) -> None:
    cluster.refused["POST jobs"] = refused
    run = house.run(house.deploy(**in_cluster()))
    start()
    message = crash_of(house, run)
    assert message.startswith(f"The process could not be started: Kubernetes: {refused[2]} ({refused[0]})")
    assert told in message


@pytest.mark.row("INF-03")
def test_a_cluster_that_is_busy_is_asked_again(house: House, start: Start, cluster: Cluster) -> None:
    cluster.busy = 2
    run = house.run(house.deploy(**in_cluster(**QUICK)))
    start()
    assert "exit code 3" in crash_of(house, run)
    assert not cluster.busy and len(cluster.jobs) == 1


@pytest.mark.row("INF-03")
def test_an_image_that_cannot_be_pulled_ends_the_run_at_once(
    house: House, start: Start, cluster: Cluster
) -> None:
    cluster.waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "flows:1"'}
    run = house.run(house.deploy(**in_cluster()))
    start()
    told = crash_of(house, run)
    assert told.startswith("The flow process is gone: the pod of job default/")
    assert 'cannot start: ImagePullBackOff: Back-off pulling image "flows:1"' in told
    assert ("job", "Background") in cluster.deleted and not cluster.jobs


@pytest.mark.row("INF-03")
@pytest.mark.parametrize(("reason", "is_told"), [("ContainerCreating", False), ("ErrImagePull", True)])
def test_a_pod_that_does_not_begin_in_time_is_given_up(
    house: House, start: Start, cluster: Cluster, caplog: pytest.LogCaptureFixture, reason: str, is_told: bool
) -> None:
    """What it waits for is said at once, unless every pod waits for that."""
    cluster.waiting = {"reason": reason, "message": "so it is"}
    run = house.run(house.deploy(**in_cluster(pod_watch_timeout_seconds=0.3)))
    start()
    assert f"did not run within 0.3 s (pod_watch_timeout_seconds): {reason}" in crash_of(house, run)
    assert not cluster.jobs
    assert (f"waits: {reason}: so it is" in caplog.text) is is_told


@pytest.mark.row("INF-03")
@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ("ErrImagePull", "PodInitializing", "ErrImagePull"),  # of a container that a patch has put before it
        ("PodInitializing", "InvalidImageName", "InvalidImageName"),
        ("PodInitializing", "PodInitializing", "PodInitializing"),
        (None, "ContainerCreating", "ContainerCreating"),
    ],
)
def test_of_several_containers_the_one_that_waits_for_something_unusual_is_told(
    first: str | None, then: str, told: str
) -> None:
    def status(reason: str | None) -> dict[str, Any]:
        return {"state": {"waiting": {"reason": reason, "message": "m"}} if reason else {"terminated": {}}}

    pod = {"status": {"initContainerStatuses": [status(first)], "containerStatuses": [status(then)]}}
    assert waits_for(pod) == (told, "m")


UNSCHEDULABLE = {
    "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available",
}  # fmt: skip


@pytest.mark.row("INF-03")
def test_what_a_pod_waits_for_is_the_cause_that_its_run_waits(
    house: House, start: Start, cluster: Cluster
) -> None:
    """Told at once, into the run's logs; and that it is over."""
    cluster.at_first = [{"conditions": [UNSCHEDULABLE]}]
    cluster.waiting = {"reason": "ContainerCreating", "message": ""}
    run = house.run(house.deploy(**in_cluster()))
    start()

    def lines() -> list[str]:
        return [line.partition(cluster.only()["metadata"]["name"])[2] for line in house.logs(run)]

    assert eventually(lambda: len(house.logs(run)) == 2 and lines()) == [
        " waits: Unschedulable: 0/3 nodes are available",
        " goes on: ContainerCreating",
    ]
    told = house.get(f"/flow_runs/{run}/why")
    assert [cause["kind"] for cause in told["causes"]] == ["starting", "infrastructure"]
    assert "Its infrastructure is not ready, The pod of job default/" in told["reason"]
    assert told["reason"].endswith(" goes on: ContainerCreating")


@pytest.mark.row("INF-03")
def test_a_job_without_a_pod_tells_of_the_quota(house: House, start: Start, cluster: Cluster) -> None:
    cluster.without_pods = {"reason": "FailedCreate", "message": "exceeded quota: compute, limited: pods=4"}
    run = house.run(house.deploy(**in_cluster(job_watch_timeout_seconds=0.3)))
    start()
    message = crash_of(house, run)
    assert "had no pod after 0.3 s (job_watch_timeout_seconds)" in message
    assert "FailedCreate: exceeded quota: compute" in message


@pytest.mark.row("INF-03")
@pytest.mark.parametrize("old", [True, False])
def test_of_an_adopted_pod_only_the_new_output_is_read(old: bool) -> None:
    """The agent before has passed the rest on."""
    asked: list[dict[str, str]] = []

    class Fake:
        async def stream(self, path: str, params: dict[str, str]) -> AsyncIterator[bytes]:
            asked.append(params)
            yield b"2026-01-01T00:00:00Z hello\n"

        async def call(self, method: str, path: str) -> dict[str, Any]:
            return {"status": {"phase": "Succeeded"}}

    place = Kubernetes({"image": "flows:1"}, api=Fake())  # type: ignore[arg-type]  # what it asks for is there
    asyncio.run(place._read("etl/job", "pod", lambda chunk: None, old))
    assert ["sinceTime" in params for params in asked] == [old]


@pytest.mark.row("INF-03")
def test_a_pod_that_somebody_deletes_ends_the_run(house: House, start: Start, cluster: Cluster) -> None:
    run = house.run(house.deploy(**in_cluster(stream_output=False, **ENDLESS)))
    start()
    eventually(lambda: cluster.processes and cluster.shown)
    [pod] = cluster.pods
    from httpx import Client

    from orion.blocks.infrastructure.cluster import find_cluster

    found = find_cluster()
    headers = {"Authorization": f"Bearer {found.token()}"}
    params = {"gracePeriodSeconds": 0}
    with Client(base_url=found.url, headers=headers) as http:
        http.delete(f"/api/v1/namespaces/default/pods/{pod}", params=params)
    assert "somebody deleted the job's pod" in crash_of(house, run)


@pytest.mark.row("INF-03")
def test_a_pod_that_is_evicted_has_failed_and_says_why() -> None:
    """As a cluster writes it: no container's exit code is left."""
    told = "The node was low on resource: memory."
    ended = pod_exit({"status": {"phase": "Failed", "reason": "Evicted", "message": told}})
    assert ended == Exit(1, f"Evicted {told}")


@pytest.mark.row("INF-03")
def test_cancelling_deletes_the_job_with_its_pod(
    house: House, start: Start, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.agent.BEAT_SECONDS", 0.1)
    run = house.run(house.deploy(**in_cluster(**ENDLESS)))
    start(grace=7)
    eventually(lambda: any(cluster.output.values()))
    house.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": True})
    eventually(lambda: house.state(run)[0] == "CANCELLED")
    assert house.state(run)[1] == "Cancelled: its pod was deleted (the exit code is not known)."
    assert eventually(lambda: not cluster.jobs)
    assert cluster.deleted == [("pod", "7"), ("job", "Background")]


@pytest.mark.row("INF-03")
def test_a_job_outlives_its_agent_and_is_adopted_by_the_next(
    house: House, start: Start, cluster: Cluster
) -> None:
    run = house.run(house.deploy(**in_cluster(**ENDLESS)))
    first = start()
    eventually(lambda: any(cluster.output.values()))
    eventually(lambda: house.get(f"/flow_runs/{run}")["infrastructure_pid"])
    assert first.stop() == 0
    assert cluster.jobs and house.state(run)[0] == "PENDING"
    second = start()
    eventually(lambda: second.agent and run in second.agent.children)
    cluster.kill()
    assert "exit code 137" in crash_of(house, run)


@pytest.mark.row("EPH-04")
def test_a_job_is_refused_an_address_that_only_the_agent_can_reach(
    house: House, start: Start, cluster: Cluster
) -> None:
    run = house.run(house.deploy(**in_cluster(env={"ORION_API_URL": house.api})))
    start()
    assert f"A Kubernetes job cannot reach the server at {house.api}" in crash_of(house, run)
    assert not cluster.jobs


@pytest.mark.row("INF-03")
def test_a_job_is_watched_for_5_s_its_pod_for_60_and_it_has_the_labels_of_its_block() -> None:
    from orion.blocks import KubernetesJob
    from orion.blocks.infrastructure.job_manifest import job_manifest

    block = KubernetesJob(image="flows:1", labels={"team": "data"})
    assert (block.namespace, block.job_watch_timeout_seconds, block.pod_watch_timeout_seconds) == (
        "default",
        5,
        60,
    )
    env = {"ORION_API_URL": "http://orion/api"}
    made = job_manifest(block, {"id": "1", "name": "run"}, ["x"], env)
    assert made["metadata"]["labels"]["team"] == "data"
    assert made["spec"]["template"]["metadata"]["labels"]["team"] == "data"


def test_a_cluster_config_block_holds_a_kubeconfig(tmp_path: Path) -> None:
    from orion.blocks import KubernetesClusterConfig, KubernetesJob
    from orion.blocks.infrastructure import InfrastructureError
    from orion.blocks.infrastructure.kubernetes import Kubernetes
    from orion.errors import Invalid

    file = tmp_path / "config"
    file.write_text(
        "current-context: one\n"
        "clusters: [{name: c, cluster: {server: 'http://k8s.example/'}}]\n"
        "users: [{name: u, user: {token: canary-token}}]\n"
        "contexts: [{name: one, context: {cluster: c, user: u}}, {name: bad, context: {cluster: x, user: u}}]\n"
    )
    block = KubernetesClusterConfig.from_file(file)
    assert (block.cluster().url, block.cluster().token()) == ("http://k8s.example", "canary-token")
    assert "canary" not in repr(block) and block.context_name == "one"
    job = KubernetesJob(cluster_config=block)
    assert Kubernetes({"cluster_config": block}).api.cluster.url == "http://k8s.example"
    with pytest.raises(ValueError, match="Save the block"):
        job.job_variables()
    with pytest.raises(Invalid, match="no context 'three'; it has one, bad"):
        KubernetesClusterConfig.from_file(file, "three")
    with pytest.raises(InfrastructureError, match="no cluster 'x'"):
        KubernetesClusterConfig.from_file(file, "bad").cluster()
