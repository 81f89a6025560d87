"""Logins by a program that the kubeconfig names (`exec`), as clouds give it: it prints a token or a certificate."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from orion.blocks.infrastructure import InfrastructureError
from orion.blocks.infrastructure.certificates import show_certificate

PROGRAM_SECONDS = 60
EARLY_SECONDS = 10  # a credential is renewed this long before its end


class ExecLogin:
    """Runs the program when there is no credential yet or no more; several askers run it once. Threads may share it."""

    def __init__(
        self, how: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path, trust: ssl.SSLContext | bool
    ) -> None:
        self.how, self.cluster, self.trust = how, cluster, trust
        self.version, self.name = str(how["apiVersion"]), str(how["command"])
        self.program = str(folder / self.name) if "/" in self.name else self.name  # looked for in PATH
        self.lock = threading.Lock()
        self.known, self.until = False, float("inf")
        self.bearer: str | None = None
        if how.get("interactiveMode") == "Always":
            raise ValueError(f"{self.name} wants to ask a person, and an agent has none")

    def __str__(self) -> str:
        return f"The login program {self.name!r}"

    def token(self) -> str | None:
        """The token, from the program if need be; None where it gives a certificate only."""
        with self.lock:
            if not self.known or time.time() > self.until - EARLY_SECONDS:
                self._take(self._run())
            return self.bearer

    def forget(self) -> bool:
        """Run the program again at the next request: the cluster did not know the credential."""
        with self.lock:
            known, self.known = self.known, False
        return known

    def _take(self, status: Mapping[str, Any]) -> None:
        certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
        if not status.get("token") and not (certificate and key):
            raise InfrastructureError(f"{self} printed neither a token nor a certificate with its key.")
        try:
            end = status.get("expirationTimestamp")
            self.until = datetime.fromisoformat(end).timestamp() if end else float("inf")
            if certificate and key and isinstance(self.trust, ssl.SSLContext):
                show_certificate(self.trust, certificate.encode(), key.encode())
        except (OSError, ValueError, TypeError) as error:
            raise InfrastructureError(f"{self} printed what cannot be used: {error}") from None
        self.bearer, self.known = status.get("token"), True

    def _run(self) -> Mapping[str, Any]:
        try:
            done = subprocess.run(
                [self.program, *(self.how.get("args") or [])],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROGRAM_SECONDS,
            )
        except OSError as error:
            hint = self.how.get("installHint") or "the kubeconfig's user logs in by it: install it."
            raise InfrastructureError(f"{self} cannot be run ({error.strerror}): {hint}") from None
        except subprocess.TimeoutExpired:
            raise InfrastructureError(f"{self} gave no answer within {PROGRAM_SECONDS} s.") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-500:]
            raise InfrastructureError(f"{self} failed with exit code {done.returncode}: {said}")
        try:
            status: Mapping[str, Any] = json.loads(done.stdout)["status"]
            return status
        except (ValueError, KeyError, TypeError):
            raise InfrastructureError(f"{self} did not print an ExecCredential with a status.") from None

    def _environment(self) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": False}
        if self.how.get("provideClusterInfo"):
            spec["cluster"] = {
                "server": self.cluster["server"],
                "certificate-authority-data": self.cluster.get("certificate-authority-data"),
                "tls-server-name": self.cluster.get("tls-server-name"),
            }
        info = {"apiVersion": self.version, "kind": "ExecCredential", "spec": spec}
        own = {item["name"]: item["value"] for item in self.how.get("env") or []}
        return {**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)}
