"""Where a Kubernetes cluster is and who asks it: a pod's service account, or a kubeconfig."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orion.blocks.infrastructure import InfrastructureError
from orion.blocks.infrastructure.certificates import read_data, show_certificate, trust_in
from orion.blocks.infrastructure.exec_login import ExecLogin

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Cluster:
    """An API server, and how to speak to it."""

    url: str
    verify: ssl.SSLContext | bool
    token: Callable[[], str | None] = lambda: None  # read for each request: the cluster renews its files
    forget: Callable[[], bool] = lambda: False  # a token was refused; whether another one may be had
    password: tuple[str, str] | None = None
    by_program: bool = False  # whether a program is run to log in
    server_name: str | None = None  # of the certificate, where it is not that of the address


_logged_in: dict[tuple[Path, int], Cluster] = {}  # the program of a kubeconfig is run for all runs together


def find_cluster(environ: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> Cluster:
    """The cluster of the pod that this runs in, unless KUBECONFIG is set; else that of the kubeconfig."""
    host = environ.get("KUBERNETES_SERVICE_HOST")
    if host and not environ.get("KUBECONFIG") and (account / "token").exists():
        shown = f"[{host}]" if ":" in host else host
        url = f"https://{shown}:{environ.get('KUBERNETES_SERVICE_PORT', '443')}"
        trusted = trust_in(cafile=str(account / "ca.crt"))
        return Cluster(url, trusted, lambda: (account / "token").read_text().strip())
    given = environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return _from_file(Path(given) if given else Path.home() / ".kube" / "config")


def _from_file(path: Path) -> Cluster:
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = of_config(config, config["current-context"], path.parent, str(path))
        return _logged_in.setdefault((path, path.stat().st_mtime_ns), found) if found.by_program else found
    except FileNotFoundError as error:
        raise InfrastructureError(
            f"There is no {error.filename}: set KUBECONFIG, or run the agent in a pod with a service account."
        ) from None
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise InfrastructureError(f"{path} is no kubeconfig that can be used: {error!r}") from None


def of_config(config: Mapping[str, Any], context_name: str, folder: Path, said: str) -> Cluster:
    """The cluster of a context; paths in the kubeconfig begin in `folder`, and errors call it `said`."""
    try:
        context = _named(config, "contexts", "context", context_name)
        cluster = _named(config, "clusters", "cluster", context["cluster"])
        user = _named(config, "users", "user", context["user"])
        return _cluster(cluster, user, folder)
    except FileNotFoundError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InfrastructureError(f"{said} is no kubeconfig that can be used: {error!r}") from None


def _named(config: Mapping[str, Any], group: str, kind: str, name: str) -> Mapping[str, Any]:
    for item in config[group]:
        if item["name"] == name:
            found: Mapping[str, Any] = item[kind]
            return found
    raise ValueError(f"it has no {kind} {name!r}")


def _cluster(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> Cluster:
    if "auth-provider" in user:
        raise InfrastructureError(
            "The kubeconfig's user logs in by an 'auth-provider', which Kubernetes has given up: "
            "let its cloud's program write the kubeconfig anew, with 'exec'."
        )
    trust = _trust(cluster, user, folder)
    password = (user["username"], user["password"]) if "username" in user else None
    found = Cluster(
        cluster["server"].rstrip("/"), trust, password=password, server_name=cluster.get("tls-server-name")
    )
    if "exec" in user:
        login = ExecLogin(user["exec"], cluster, folder, trust)
        return replace(found, token=login.token, forget=login.forget, by_program=True)
    file, text = user.get("tokenFile"), user.get("token")
    return replace(found, token=(lambda: (folder / file).read_text().strip()) if file else (lambda: text))


def _trust(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext | bool:
    """Whom to believe, and what to show."""
    if not cluster["server"].startswith("https"):
        return True
    authority = read_data(cluster, "certificate-authority", folder)
    context = trust_in(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    certificate, key = read_data(user, "client-certificate", folder), read_data(user, "client-key", folder)
    if certificate and key:
        show_certificate(context, certificate, key)
    return context
