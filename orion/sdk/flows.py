"""Flows: `@flow` makes a function into one; calling it makes a flow run and runs it here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, Unpack, overload

from orion.sdk import naming
from orion.sdk.duplicates import warn_of_duplicate
from orion.sdk.hooks import Hook, checked
from orion.sdk.parameters import bind, check_reserved
from orion.sdk.result_options import keeping

if TYPE_CHECKING:
    from orion.deployments.deployment import Deployment
    from orion.deployments.options import Options
    from orion.sdk.runners import TaskRunner

P = ParamSpec("P")
R = TypeVar("R")

RESERVED = ("return_state",)


class Flow(Generic[P, R]):
    """A function that runs as a flow run. `.fn` is the plain function."""

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        name: str | None = None,
        version: str | None = None,
        description: str | None = None,
        retries: int | None = None,
        retry_delay_seconds: float = 0,
        task_runner: TaskRunner | type[TaskRunner] | None = None,
        timeout_seconds: float | None = None,
        validate_parameters: bool = True,
        flow_run_name: str | Callable[[], str] | None = None,
        log_prints: bool | None = None,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        result_storage_key: str | None = None,
        on_completion: Sequence[Hook] | None = None,
        on_failure: Sequence[Hook] | None = None,
        on_crashed: Sequence[Hook] | None = None,
        on_cancellation: Sequence[Hook] | None = None,
        on_running: Sequence[Hook] | None = None,
    ) -> None:
        if not callable(fn):
            raise TypeError(f"@flow needs a function, but got {fn!r}.")
        self._options = {k: v for k, v in locals().items() if k not in ("self", "fn", "__class__")}
        check_reserved(fn, RESERVED, "flow")
        self.fn = fn
        self.isasync = inspect.iscoroutinefunction(fn)
        self.signature = inspect.signature(fn)
        self.name = _checked_name(name or fn.__name__.replace("_", "-"))
        self._version = version
        self.description = description or inspect.getdoc(fn)
        self._retries, self.retry_delay_seconds = retries, retry_delay_seconds
        self._task_runner = task_runner
        self.timeout_seconds = None if timeout_seconds is None else float(timeout_seconds)
        self.should_validate_parameters = validate_parameters
        self.flow_run_name = flow_run_name
        self._log_prints = log_prints
        self.keeping = keeping(persist_result, result_storage, result_serializer, result_storage_key)
        self.on_completion = checked(on_completion, "on_completion")
        self.on_failure = checked(on_failure, "on_failure")
        self.on_crashed = checked(on_crashed, "on_crashed")
        self.on_cancellation = checked(on_cancellation, "on_cancellation")
        self.on_running = checked(on_running, "on_running")
        self.__name__, self.__doc__, self.__module__ = fn.__name__, fn.__doc__, fn.__module__
        self.__wrapped__ = fn
        warn_of_duplicate("flow", self.name, fn)

    @cached_property
    def version(self) -> str | None:
        """The given version, by default a hash of the file."""
        return self._version or naming.file_version(self.fn)

    @property
    def task_runner(self) -> TaskRunner:
        """The runner of submitted tasks: the given one, by default a `ConcurrentTaskRunner`."""
        from orion.sdk.runners import as_runner

        return as_runner(self._task_runner)

    @property
    def retries(self) -> int:
        """How often a failed run is tried again."""
        from orion.settings import current

        return int(current().flow_default_retries) if self._retries is None else self._retries

    @property
    def log_prints(self) -> bool:
        """Whether prints go to the run's logs."""
        from orion.settings import current

        return bool(current().logging_log_prints) if self._log_prints is None else self._log_prints

    def with_options(self, **options: Any) -> Flow[P, R]:
        """A copy with other options; the original stays as it is."""
        unknown = set(options) - set(self._options)
        if unknown:
            raise TypeError(f"A flow has no option {', '.join(map(repr, sorted(unknown)))}.")
        return Flow(self.fn, **{**self._options, **options})

    def hooks_for(self, state: Any) -> tuple[Hook, ...]:
        """The hooks of a final state."""
        by_type = {
            "COMPLETED": self.on_completion,
            "FAILED": self.on_failure,
            "CRASHED": self.on_crashed,
            "CANCELLED": self.on_cancellation,
        }
        return by_type.get(state.type, ())

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters in the types of the hints; raises `ParameterError` with every fault."""
        from orion.sdk.parameters import coerce

        return coerce(self.fn, self.signature, parameters)

    def parameter_schema(self) -> dict[str, Any]:
        """The JSON schema of the parameters."""
        from orion.sdk.schemas import parameter_schema

        return parameter_schema(self.fn)

    def to_deployment(self, name: str, **options: Unpack[Options]) -> Deployment:
        """Describe a deployment of this flow: `apply()` it, or hand it to `serve`."""
        from orion.deployments import Deployment

        return Deployment.build_from_flow(self, name, **options)

    def deploy(self, name: str, **options: Unpack[Options]) -> str:
        """Make or update a deployment of this flow, for agents to run; its id."""
        return self.to_deployment(name, **options).apply()

    def serve(
        self,
        name: str | None = None,
        *,
        limit: int | None = None,
        pause_on_shutdown: bool = True,
        delete_on_shutdown: bool = False,
        **options: Unpack[Options],
    ) -> Any:
        """Schedule this flow and run it from this program, until it is told to stop; see `serve`."""
        from orion.deployments import serve

        made = self.to_deployment(name or self.name, **options)
        return serve(
            made, limit=limit, pause_on_shutdown=pause_on_shutdown, delete_on_shutdown=delete_on_shutdown
        )

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the flow; gives its data, or its state with `return_state=True`. An async flow gives a coroutine."""
        from orion.sdk.entering import call_flow
        from orion.sdk.prompt import tidy

        tidy()
        whole = kwargs.pop("return_state", False)
        return call_flow(self, bind(self.signature, args, kwargs, self.name), whole)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A flow in a class body is a method: the instance becomes its first argument."""
        if instance is None:
            return self
        return Flow(self.fn.__get__(instance, owner), **self._options)

    def __repr__(self) -> str:
        return f"Flow({self.name!r})"


def _checked_name(name: str) -> str:
    forbidden = sorted(set(name) & set("/%&><"))
    if forbidden or not name:
        raise ValueError(
            f"The flow name {name!r} cannot be used: it may not be empty or hold any of / % & > <."
        )
    return name


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(fn: None = None, /, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Callable[P, R] | None = None, /, **options: Any) -> Any:
    """Make a function into a flow, with or without options: `@flow`, `@flow(retries=3)`."""
    if fn is not None:
        return Flow(fn, **options)
    return lambda function: Flow(function, **options)
