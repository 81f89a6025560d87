"""`orion kubernetes manifest`: what a cluster needs to hold orion, and the job of a flow run, as YAML."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orion import __version__
from orion.cli.groups import new_group

app = new_group("Print manifests for Kubernetes.")
manifest = new_group("Print manifests for Kubernetes.")
app.add_typer(manifest, name="manifest")

Namespace = Annotated[str, typer.Option("-n", "--namespace", metavar="NAME", help="The namespace.")]
IMAGE = "orion"
RIGHTS = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "delete"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get", "watch", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
]


@manifest.command("orion")
def orion(
    image_tag: Annotated[
        str, typer.Option("-i", "--image-tag", metavar="IMAGE", help="The image, with its tag.")
    ] = f"{IMAGE}:{__version__}",
    log_level: Annotated[
        str, typer.Option("-l", "--log-level", metavar="LEVEL", help="Of the server and the agent.")
    ] = "INFO",
    queue: Annotated[
        str, typer.Option("-q", "--work-queue", metavar="QUEUE", help="What the agent polls.")
    ] = "default",
    namespace: Namespace = "default",
) -> None:
    """Print a server, an agent and the rights that it needs: pipe it to kubectl apply -f -."""
    labels = {"app": "orion"}
    level = {"name": "ORION_LOGGING_LEVEL", "value": log_level}
    key = {"secretKeyRef": {"name": "orion", "key": "admin-key"}}
    server = {
        "name": "server",
        "image": image_tag,
        "command": ["orion", "start", "--host", "0.0.0.0", "--port", "4200"],
        "env": [level, {"name": "ORION_ADMIN_KEY", "valueFrom": key}],
        "ports": [{"containerPort": 4200}],
        "readinessProbe": {"httpGet": {"path": "/api/health", "port": 4200}},
    }
    agent = {
        "name": "agent",
        "image": image_tag,
        "command": ["orion", "agent", "start", queue],
        "env": [
            level,
            {"name": "ORION_API_URL", "value": f"http://orion.{namespace}:4200/api"},
            {"name": "ORION_API_KEY", "valueFrom": key},
        ],
    }
    spec = {"serviceAccountName": "orion", "containers": [server, agent]}
    _print(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(namespace)},
        {**_rbac("Role", namespace), "rules": RIGHTS},
        {
            **_rbac("RoleBinding", namespace),
            "subjects": [{"kind": "ServiceAccount", "name": "orion", "namespace": namespace}],
            "roleRef": {"kind": "Role", "name": "orion", "apiGroup": "rbac.authorization.k8s.io"},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _named(namespace),
            "spec": {
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _named(namespace),
            "spec": {"selector": labels, "ports": [{"port": 4200, "targetPort": 4200}]},
        },
    )


@manifest.command("flow-run-job")
def flow_run_job() -> None:
    """Print the job that a flow run begins with: the start of a template of one's own."""
    from orion.blocks.infrastructure.job_manifest import base_job

    _print(base_job())


def _named(namespace: str) -> dict[str, str]:
    return {"name": "orion", "namespace": namespace}


def _rbac(kind: str, namespace: str) -> dict[str, Any]:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": _named(namespace)}


def _print(*manifests: dict[str, Any]) -> None:
    import yaml

    class Plain(yaml.SafeDumper):
        """YAML without references, which kubectl shows to nobody's joy."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    print(yaml.dump_all(manifests, Dumper=Plain, sort_keys=False), end="")
