"""What a pod's status says: whether its container has begun, why not, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orion.blocks.infrastructure import Exit

Pod = Mapping[str, Any]

USUAL = ("", "ContainerCreating", "PodInitializing")  # what every pod waits for

NEVER_STARTS = {
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}


def has_begun(pod: Pod) -> bool:
    """Whether the container runs or has run."""
    return pod.get("status", {}).get("phase") in ("Running", "Succeeded", "Failed")


def is_over(pod: Pod) -> bool:
    """Whether the container has ended."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def waits_for(pod: Pod) -> tuple[str, str]:
    """Why the container does not run yet: the reason's name and what there is to say, both empty if unknown."""
    first = pod.get("status", {}).get("initContainerStatuses") or []
    waiting = [each for status in (*first, *_containers(pod)) if (each := status.get("state", {}).get("waiting"))]
    if waiting:
        telling = next((each for each in waiting if each.get("reason", "") not in USUAL), waiting[0])
        return telling.get("reason", ""), telling.get("message", "")
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition.get("status") == "False" and condition.get("message"):
            return condition.get("reason", ""), condition["message"]
    return "", ""


def pod_exit(pod: Pod) -> Exit:
    """How the container ended; a pod that was evicted has no exit code of its own."""
    status = pod["status"]
    told = " ".join(filter(None, (status.get("reason"), status.get("message"))))
    for container in _containers(pod):
        if ended := container.get("state", {}).get("terminated"):
            reason = ended.get("reason", "")
            if reason == "OOMKilled":
                told = "the container ran out of memory (OOMKilled)"
            return Exit(ended["exitCode"], told or ("" if reason in ("Error", "Completed") else reason))
    return Exit(0 if status["phase"] == "Succeeded" else 1, told)


def _containers(pod: Pod) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod.get("status", {}).get("containerStatuses") or []
    return found
