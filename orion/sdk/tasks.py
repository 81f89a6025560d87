"""Tasks: `@task` makes a function into one; calling, submitting or mapping it inside a flow runs it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from orion.sdk import naming
from orion.sdk.duplicates import warn_of_duplicate
from orion.sdk.hooks import Hook, checked
from orion.sdk.parameters import bind, check_reserved
from orion.sdk.result_options import keeping
from orion.sdk.retrying import Delays, delays_of

if TYPE_CHECKING:
    from datetime import timedelta

    from orion.sdk.context import FlowRunContext
    from orion.sdk.futures import FutureList, OrionFuture

P = ParamSpec("P")
R = TypeVar("R")

RESERVED = ("return_state", "wait_for")


class Task(Generic[P, R]):
    """A function that runs as a task run of its own. `.fn` is the plain function."""

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        cache_key_fn: Callable[[Any, dict[str, Any]], str | None] | None = None,
        cache_expiration: timedelta | None = None,
        refresh_cache: bool = False,
        retries: int | None = None,
        retry_delay_seconds: Delays = 0,
        retry_jitter_factor: float | None = None,
        retry_condition_fn: Callable[..., bool] | None = None,
        timeout_seconds: float | None = None,
        task_run_name: str | Callable[[], str] | None = None,
        log_prints: bool | None = None,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        result_storage_key: str | None = None,
        on_completion: Sequence[Hook] | None = None,
        on_failure: Sequence[Hook] | None = None,
        on_crashed: Sequence[Hook] | None = None,
        on_running: Sequence[Hook] | None = None,
    ) -> None:
        if not callable(fn):
            raise TypeError(f"@task needs a function, but got {fn!r}.")
        self._options = {k: v for k, v in locals().items() if k not in ("self", "fn", "__class__")}
        check_reserved(fn, RESERVED, "task")
        self.fn = fn
        self.isasync = inspect.iscoroutinefunction(fn)
        self.signature = inspect.signature(fn)
        self.name = name or str(getattr(fn, "__name__", type(fn).__name__))
        self.description = description or inspect.getdoc(fn)
        self.tags = frozenset(tags or ())
        self.version = version
        self.cache_key_fn, self.cache_expiration, self.refresh_cache = (
            cache_key_fn,
            cache_expiration,
            refresh_cache,
        )
        self._retries, self._delays = retries, retry_delay_seconds
        if retries is not None:
            delays_of(retry_delay_seconds, retries)  # a bad delay is refused here, not at the first failure
        self.retry_jitter_factor = retry_jitter_factor
        self.retry_condition_fn = retry_condition_fn
        self.timeout_seconds = None if timeout_seconds is None else float(timeout_seconds)
        self.task_run_name = task_run_name
        self.log_prints = log_prints
        self.keeping = keeping(persist_result, result_storage, result_serializer, result_storage_key)
        self.on_completion = checked(on_completion, "on_completion")
        self.on_failure = checked(on_failure, "on_failure")
        self.on_crashed = checked(on_crashed, "on_crashed")
        self.on_running = checked(on_running, "on_running")
        self.__name__, self.__doc__, self.__module__ = self.name, fn.__doc__, fn.__module__
        self.__wrapped__ = fn
        warn_of_duplicate("task", self.name, fn)

    @cached_property
    def task_key(self) -> str:
        """The identity of the task, the same on every machine."""
        return naming.task_key(self.fn, self.name)

    @property
    def retries(self) -> int:
        """How often a failed run is tried again."""
        if self._retries is not None:
            return self._retries
        from orion.settings import current

        return int(current().task_default_retries)

    @property
    def retry_delay(self) -> float | list[float] | None:
        """Seconds before another try, or a list with those before each."""
        return delays_of(self._delays, self.retries)

    def with_options(self, **options: Any) -> Task[P, R]:
        """A copy with other options; the original stays as it is."""
        unknown = set(options) - set(self._options)
        if unknown:
            raise TypeError(f"A task has no option {', '.join(map(repr, sorted(unknown)))}.")
        return Task(self.fn, **{**self._options, **options})

    def hooks_for(self, state: Any) -> tuple[Hook, ...]:
        """The hooks of a final state."""
        by_type = {"COMPLETED": self.on_completion, "FAILED": self.on_failure, "CRASHED": self.on_crashed}
        return by_type.get(state.type, ())

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task and wait for it; gives its data, or its state with `return_state=True`."""
        from orion.sdk.calling import call_task, calling_flow

        whole, wait_for = kwargs.pop("return_state", False), kwargs.pop("wait_for", None)
        context = calling_flow(self)
        return call_task(self, bind(self.signature, args, kwargs, self.name), wait_for, context, whole)

    def submit(
        self, *args: Any, return_state: bool = False, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> OrionFuture[R]:
        """Hand the task to the flow's runner; gives a future at once (the final state with `return_state=True`)."""
        from orion.sdk.calling import calling_flow, submit_task

        context = calling_flow(self)
        future = submit_task(self, bind(self.signature, args, kwargs, self.name), wait_for, context)
        return future.wait() if return_state else future

    def map(
        self, *args: Any, return_state: bool = False, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> FutureList[R]:
        """Submit the task once for each element of its iterable arguments; `unmapped(x)` gives x to all."""
        from orion.sdk.calling import calling_flow
        from orion.sdk.mapping import map_task

        context: FlowRunContext = calling_flow(self)
        futures = map_task(self, bind(self.signature, args, kwargs, self.name), wait_for, context)
        return futures.wait() if return_state else futures

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A task in a class body is a method: the instance becomes its first argument."""
        if instance is None:
            return self
        return Task(self.fn.__get__(instance, owner), **self._options)

    def __repr__(self) -> str:
        return f"Task({self.name!r})"


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(fn: None = None, /, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Callable[P, R] | None = None, /, **options: Any) -> Any:
    """Make a function into a task, with or without options: `@task`, `@task(retries=3)`."""
    if fn is not None:
        return Task(fn, **options)
    return lambda function: Task(function, **options)
