"""Who an agent believes and how it logs in: clusters and Engines behind TLS, with an authority made for the test."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orion.blocks.infrastructure import InfrastructureError
from orion.blocks.infrastructure.cluster import find_cluster
from orion.blocks.infrastructure.docker_api import DockerApi
from orion.blocks.infrastructure.kubernetes_api import KubernetesApi
from tests.agent.house import SECONDS
from tests.infrastructure.authority import Authority, Pair, encoded
from tests.infrastructure.conftest import serve
from tests.infrastructure.docker_engine import Engine
from tests.infrastructure.kubernetes_cluster import TOKEN, Cluster

PODS = "/api/v1/namespaces/default/pods"
LOGIN = """#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> {calls}
cat {answer}
"""


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    """What a client shows."""
    return authority.sign("agent")


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture(scope="module")
def url(cluster: Cluster, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The cluster behind TLS; a certificate of the client is looked at when there is one."""
    yield from secured(cluster.app, authority, tmp_path_factory.mktemp("tls"), ssl.CERT_OPTIONAL)


@pytest.fixture(scope="module")
def strict_url(
    cluster: Cluster, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The same, open only to who shows a certificate of the authority."""
    yield from secured(cluster.app, authority, tmp_path_factory.mktemp("tls"), ssl.CERT_REQUIRED)


def secured(app: Any, authority: Authority, folder: Path, wanted: ssl.VerifyMode) -> Iterator[str]:
    own = authority.sign("server", addresses=("127.0.0.1",), names=("kubernetes.test",))
    certificate, key = own.files(folder)
    (folder / "ca.pem").write_bytes(authority.certificate)
    server, thread = serve(
        app, port=0, ssl_certfile=certificate, ssl_keyfile=key, ssl_ca_certs=str(folder / "ca.pem"),
        ssl_cert_reqs=wanted,
    )  # fmt: skip
    yield f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(SECONDS)


class Login:
    """A program that a kubeconfig names; it prints what a file holds, and notes what it was told."""

    def __init__(self, folder: Path) -> None:
        self.calls, self.file = folder / "calls", folder / "answer"
        self.prints({"token": TOKEN})
        program = folder / "login"
        program.write_text(LOGIN.format(calls=self.calls, answer=self.file))
        program.chmod(0o755)

    def prints(self, status: dict[str, Any] | str) -> None:
        self.file.write_text(status if isinstance(status, str) else json.dumps({"status": status}))

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.calls.read_text().splitlines()]


@pytest.fixture
def login(tmp_path: Path) -> Login:
    return Login(tmp_path)


def by_program(command: str = "./login", **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, **more}}


def kubeconfig(folder: Path, url: str, user: dict[str, Any], **cluster: Any) -> KubernetesApi:
    """The API that a kubeconfig in the folder leads to."""
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "one", "user": "agent"}}],
        "clusters": [{"name": "one", "cluster": {"server": url, **cluster}}],
        "users": [{"name": "agent", "user": user}],
    }
    (folder / "config").write_text(json.dumps(config))
    return KubernetesApi(find_cluster({"KUBECONFIG": str(folder / "config")}))


def ask(api: KubernetesApi, times: int = 1) -> str:
    """The kind of the list that the cluster answers, `times` times over."""

    async def all() -> list[Any]:
        params = {"labelSelector": "job-name=x"}
        found = [await api.call("GET", PODS, params=params) for _ in range(times)]
        await api.http.aclose()
        return found

    return str(asyncio.run(all())[-1]["kind"])


@pytest.mark.row("INF-03")
def test_a_cluster_is_believed_by_the_authority_of_the_kubeconfig(
    tmp_path: Path, url: str, authority: Authority
) -> None:
    user = {"token": TOKEN}
    assert (
        ask(kubeconfig(tmp_path, url, user, **{"certificate-authority-data": authority.encoded})) == "PodList"
    )
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    assert ask(kubeconfig(tmp_path, url, user, **{"certificate-authority": "ca.pem"})) == "PodList"
    assert ask(kubeconfig(tmp_path, url, user, **{"insecure-skip-tls-verify": True})) == "PodList"


@pytest.mark.row("INF-03")
@pytest.mark.parametrize("known", [{}, {"certificate-authority-data": Authority("a stranger").encoded}])
def test_a_cluster_that_cannot_be_believed_is_not_told_the_token(
    tmp_path: Path, url: str, known: dict[str, str]
) -> None:
    with pytest.raises(InfrastructureError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(kubeconfig(tmp_path, url, {"token": TOKEN}, **known))


@pytest.mark.row("INF-03")
def test_the_name_in_the_certificate_counts_and_may_be_another_than_the_address(
    tmp_path: Path, url: str, authority: Authority
) -> None:
    known = {"certificate-authority-data": authority.encoded}
    user = {"token": TOKEN}
    with pytest.raises(InfrastructureError, match="other.test"):
        ask(kubeconfig(tmp_path, url, user, **known, **{"tls-server-name": "other.test"}))
    named = kubeconfig(tmp_path, url, user, **known, **{"tls-server-name": "kubernetes.test"})
    assert ask(named) == "PodList"


@pytest.mark.row("INF-03")
def test_a_certificate_of_the_user_is_shown(
    tmp_path: Path, strict_url: str, authority: Authority, pair: Pair, cluster: Cluster
) -> None:
    known = {"certificate-authority-data": authority.encoded}
    user = {"client-certificate-data": encoded(pair.certificate), "client-key-data": encoded(pair.key)}
    assert ask(kubeconfig(tmp_path, strict_url, {**user, "token": TOKEN}, **known)) == "PodList"
    pair.files(tmp_path / "own")
    files = {"client-certificate": "own/cert.pem", "client-key": "own/key.pem", "token": TOKEN}
    assert ask(kubeconfig(tmp_path, strict_url, files, **known)) == "PodList"
    with pytest.raises(InfrastructureError, match="does not answer"):
        ask(kubeconfig(tmp_path, strict_url, {"token": TOKEN}, **known))


@pytest.mark.row("INF-03")
def test_a_pod_logs_in_with_its_service_account(tmp_path: Path, url: str, authority: Authority) -> None:
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    (tmp_path / "token").write_text("old")
    host, port = url.removeprefix("https://").split(":")
    api = KubernetesApi(
        find_cluster({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}, tmp_path)
    )
    (tmp_path / "token").write_text(f"{TOKEN}\n")  # the cluster renews it
    assert ask(api) == "PodList"


@pytest.mark.row("INF-03")
def test_a_login_program_is_asked_once_for_all_requests_and_all_runs(
    tmp_path: Path, url: str, authority: Authority, login: Login
) -> None:
    user = by_program(provideClusterInfo=True, env=[{"name": "REGION", "value": "eu"}], args=["get-token"])
    known = {"certificate-authority-data": authority.encoded}
    assert ask(kubeconfig(tmp_path, url, user, **known), times=3) == "PodList"
    assert ask(KubernetesApi(find_cluster({"KUBECONFIG": str(tmp_path / "config")}))) == "PodList"
    [told] = login.told()
    assert (told["kind"], told["apiVersion"]) == ("ExecCredential", "client.authentication.k8s.io/v1")
    assert told["spec"]["interactive"] is False and told["spec"]["cluster"]["server"] == url


@pytest.mark.row("INF-03")
def test_a_login_program_is_asked_again_when_its_token_is_over_or_refused(
    tmp_path: Path, url: str, authority: Authority, login: Login
) -> None:
    known = {"certificate-authority-data": authority.encoded}
    login.prints({"token": TOKEN, "expirationTimestamp": "2020-01-01T00:00:00Z"})
    api = kubeconfig(tmp_path, url, by_program(), **known)
    assert ask(api, times=2) == "PodList"
    assert len(login.told()) == 2
    login.prints({"token": "revoked"})
    api = kubeconfig(tmp_path, url, by_program(args=["again"]), **known)
    api.cluster.token()
    login.prints({"token": TOKEN})
    assert ask(api, times=2) == "PodList"
    assert len(login.told()) == 4


@pytest.mark.row("INF-03")
def test_a_login_program_may_give_a_certificate(
    tmp_path: Path, strict_url: str, authority: Authority, login: Login, pair: Pair
) -> None:
    shown = {"clientCertificateData": pair.certificate.decode(), "clientKeyData": pair.key.decode()}
    login.prints({"token": TOKEN, **shown})
    known = {"certificate-authority-data": authority.encoded}
    assert ask(kubeconfig(tmp_path, strict_url, by_program(), **known)) == "PodList"


@pytest.mark.row("INF-03")
@pytest.mark.parametrize(
    ("how", "printed", "told"),
    [
        ({"command": "/no/such/login", "installHint": "Install it from X."}, "", "Install it from X."),
        ({"command": "/no/such/login"}, "", "cannot be run (No such file or directory)"),
        ({"command": "false"}, "", "failed with exit code 1"),
        ({}, "no JSON", "did not print an ExecCredential"),
        ({}, '{"status": {}}', "neither a token nor a certificate"),
        ({}, '{"status": {"token": "x", "expirationTimestamp": "soon"}}', "printed what cannot be used"),
        ({"interactiveMode": "Always"}, "", "wants to ask a person"),
    ],
)
def test_a_login_that_fails_says_so_in_a_line(
    tmp_path: Path, login: Login, how: dict[str, Any], printed: str, told: str
) -> None:
    login.prints(printed)
    with pytest.raises(InfrastructureError) as error:
        kubeconfig(tmp_path, "http://127.0.0.1:9", by_program(**how)).cluster.token()
    assert told in str(error.value) and "\n" not in str(error.value)


@pytest.fixture
def engine_host(authority: Authority, tmp_path: Path) -> Iterator[str]:
    """An Engine on a port, open only to who shows a certificate of the authority."""
    for url in secured(Engine().app, authority, tmp_path / "engine", ssl.CERT_REQUIRED):
        yield url.replace("https://", "tcp://")


def reach(host: str, folder: Path, **more: str) -> str:
    """What the Engine says of an image that it does not have."""

    async def ask_it() -> str:
        api = DockerApi({"DOCKER_HOST": host, "DOCKER_CERT_PATH": str(folder), **more})
        try:
            await api.call("GET", "/images/gone:1/json")
        except InfrastructureError as error:
            return str(error)
        finally:
            await api.http.aclose()
        return ""

    return asyncio.run(ask_it())


@pytest.mark.row("INF-02")
def test_an_engine_behind_tls_is_asked_with_the_certificates_of_a_folder(
    engine_host: str, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    folder, verify = tmp_path / "certificates", {"DOCKER_TLS_VERIFY": "1"}
    pair.files(folder)
    (folder / "ca.pem").write_bytes(authority.certificate)
    assert reach(engine_host, folder, **verify) == "Docker: No such image: gone:1 (404)"
    assert "does not answer" in reach(engine_host, folder)
    (folder / "ca.pem").write_bytes(Authority("a stranger").certificate)
    assert "CERTIFICATE_VERIFY_FAILED" in reach(engine_host, folder, **verify)
    Authority("a stranger").sign("agent").files(folder)
    (folder / "ca.pem").write_bytes(authority.certificate)
    assert "does not answer" in reach(engine_host, folder, **verify)
    with pytest.raises(InfrastructureError, match="cannot be used"):
        reach(engine_host, tmp_path / "nowhere", **verify)
