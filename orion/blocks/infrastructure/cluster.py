"""Where a Kubernetes cluster is and who asks it: a pod's service account, or a kubeconfig."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orion.blocks.infrastructure import InfrastructureError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Cluster:
    """An API server, and how to speak to it."""

    url: str
    verify: ssl.SSLContext | bool
    token: Callable[[], str | None] = lambda: None  # read for each request: the cluster renews its files
    password: tuple[str, str] | None = None


def find_cluster(environ: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> Cluster:
    """The cluster of the pod that this runs in, unless KUBECONFIG is set; else that of the kubeconfig."""
    host = environ.get("KUBERNETES_SERVICE_HOST")
    if host and not environ.get("KUBECONFIG") and (account / "token").exists():
        shown = f"[{host}]" if ":" in host else host
        url = f"https://{shown}:{environ.get('KUBERNETES_SERVICE_PORT', '443')}"
        trusted = ssl.create_default_context(cafile=str(account / "ca.crt"))
        return Cluster(url, trusted, lambda: (account / "token").read_text().strip())
    given = environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return _from_file(Path(given) if given else Path.home() / ".kube" / "config")


def _from_file(path: Path) -> Cluster:
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        context = _named(config, "contexts", "context", config["current-context"])
        cluster = _named(config, "clusters", "cluster", context["cluster"])
        user = _named(config, "users", "user", context["user"])
        return _cluster(cluster, user, path.parent)
    except FileNotFoundError as error:
        raise InfrastructureError(
            f"There is no {error.filename}: set KUBECONFIG, or run the agent in a pod with a service account."
        ) from None
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise InfrastructureError(f"{path} is no kubeconfig that can be used: {error!r}") from None


def _named(config: Mapping[str, Any], group: str, kind: str, name: str) -> Mapping[str, Any]:
    for item in config[group]:
        if item["name"] == name:
            found: Mapping[str, Any] = item[kind]
            return found
    raise ValueError(f"it has no {kind} {name!r}")


def _cluster(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> Cluster:
    for program in ("exec", "auth-provider"):
        if program in user:
            raise InfrastructureError(
                f"The kubeconfig's user logs in by {program!r}, which orion does not support: give it a token "
                "or a certificate, such as those of a service account (kubectl create token)."
            )
    password = (user["username"], user["password"]) if "username" in user else None
    file, text = user.get("tokenFile"), user.get("token")
    token = (lambda: (folder / file).read_text().strip()) if file else (lambda: text)
    return Cluster(cluster["server"].rstrip("/"), _trust(cluster, user, folder), token, password)


def _trust(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext | bool:
    """The certificates; keys that stand in the file itself are written out for as long as it takes to read them."""
    if not cluster["server"].startswith("https"):
        return True
    authority = _bytes(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    certificate, key = _bytes(user, "client-certificate", folder), _bytes(user, "client-key", folder)
    if certificate and key:
        with tempfile.TemporaryDirectory() as private:  # only its owner may open it
            (Path(private) / "both.pem").write_bytes(certificate + b"\n" + key)
            context.load_cert_chain(Path(private) / "both.pem")
    return context


def _bytes(part: Mapping[str, Any], name: str, folder: Path) -> bytes | None:
    if data := part.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / part[name]).read_bytes() if part.get(name) else None
