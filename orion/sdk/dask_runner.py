"""Tasks on a Dask cluster: one that is there, or one that is made for the flow run and goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from orion.sdk.errors import MissingExtra
from orion.sdk.runners import RemoteTaskRunner

AT_ONCE = 500  # tasks that are handed to the cluster; each is a thread that waits here


class DaskTaskRunner(RemoteTaskRunner):
    """The functions of sync tasks run on the workers of a Dask cluster, which need orion and the flow's libraries.

    `address` is that of a scheduler. Without one a cluster is made for the flow run: of `cluster_class` (a class, or
    its import path; by default Dask's `LocalCluster`) with `cluster_kwargs`; with `adapt_kwargs` it grows and shrinks.
    `client_kwargs` go to Dask's `Client`. `max_workers` is how many tasks are handed to the cluster at once (500).
    `dask.annotate` around a call reaches its task.
    """

    def __init__(
        self,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        max_workers: int | None = None,
    ) -> None:
        if address and (cluster_class or cluster_kwargs or adapt_kwargs):
            raise ValueError("DaskTaskRunner takes the address of a cluster or what makes one, not both.")
        super().__init__(max_workers or AT_ONCE)
        self._made_of = (address, cluster_class, cluster_kwargs, adapt_kwargs, client_kwargs)
        self.address, self.cluster_class = address, cluster_class
        self.cluster_kwargs = dict(cluster_kwargs or {})
        self.adapt_kwargs, self.client_kwargs = dict(adapt_kwargs or {}), dict(client_kwargs or {})
        self._client: Any = None
        self._cluster: Any = None

    def duplicate(self) -> DaskTaskRunner:
        return type(self)(*self._made_of, max_workers=self.max_workers)

    def start(self) -> Executor:
        try:
            from distributed import Client
        except ImportError as error:
            raise MissingExtra("DaskTaskRunner", "dask") from error
        if self.address is None:
            self._cluster = self._made()
        self._client = Client(self.address or self._cluster, **{"set_as_default": False, **self.client_kwargs})
        executor: Executor = self._client.get_executor(pure=False)
        return executor

    def _made(self) -> Any:
        import dask
        import distributed

        kind = self.cluster_class or distributed.LocalCluster
        if isinstance(kind, str):
            from importlib import import_module

            module, _, name = kind.rpartition(".")
            kind = getattr(import_module(module), name)
        with dask.config.set({"distributed.scheduler.allowed-failures": 0}):  # to try again is for the task to say
            cluster = kind(**self.cluster_kwargs)
        if self.adapt_kwargs:
            cluster.adapt(**self.adapt_kwargs)
        return cluster

    def end(self, executor: Executor, *, cancel: bool) -> None:
        executor.shutdown(wait=not cancel)  # without waiting it cancels by itself
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
        self._client = self._cluster = None
