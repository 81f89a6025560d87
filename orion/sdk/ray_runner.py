"""Tasks on a Ray cluster: one that is there, or a local one for as long as the flow run lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from orion.sdk.errors import MissingExtra
from orion.sdk.runners import RemoteTaskRunner

AT_ONCE = 500  # tasks that are handed to the cluster; each is a thread that waits here
OPTIONS: ContextVar[Mapping[str, Any]] = ContextVar("orion_ray_options", default={})  # noqa: B039 - never changed


class RayTaskRunner(RemoteTaskRunner):
    """The functions of sync tasks run on the workers of a Ray cluster, which need orion and the flow's libraries.

    `address` is that of a cluster, such as `ray://head:10001`; without one a local cluster lasts as long as the flow
    run. `init_kwargs` go to `ray.init`. `max_workers` is how many tasks are handed to the cluster at once (500).
    """

    def __init__(
        self,
        address: str | None = None,
        init_kwargs: Mapping[str, Any] | None = None,
        max_workers: int | None = None,
    ) -> None:
        super().__init__(max_workers or AT_ONCE)
        self.address, self.init_kwargs = address, dict(init_kwargs or {})

    def duplicate(self) -> RayTaskRunner:
        return type(self)(self.address, self.init_kwargs, self.max_workers)

    def start(self) -> Executor:
        try:
            import ray
        except ImportError as error:
            raise MissingExtra("RayTaskRunner", "ray") from error
        own = not ray.is_initialized()
        if own:
            ray.init(self.address, **self.init_kwargs)
        return _Cluster(ray, own)


class _Cluster(Executor):
    """Ray as an executor; one that was there before is left alone at the end."""

    def __init__(self, ray: Any, own: bool) -> None:
        self._ray, self._own = ray, own
        self._open: set[Any] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        options = {"max_retries": 0, **OPTIONS.get()}  # to try again is for the task to say
        there = self._ray.remote(fn).options(**options).remote(*args, **kwargs)
        future: Future[Any] = there.future()
        self._open.add(there)
        future.add_done_callback(lambda _: self._open.discard(there))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for there in list(self._open):
                self._ray.cancel(there, force=True)
        if self._own:
            self._ray.shutdown()


@contextmanager
def remote_options(**options: Any) -> Iterator[None]:
    """Tasks that are submitted inside the block ask Ray for this: `with remote_options(num_cpus=4): fit.submit(x)`."""
    token = OPTIONS.set({**OPTIONS.get(), **options})
    try:
        yield
    finally:
        OPTIONS.reset(token)
