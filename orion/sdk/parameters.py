"""From a call to parameters and back: binding to the signature, and coercion by type hints."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from orion.errors import OrionError
from orion.sdk.errors import ParameterError, ReservedArgument

Parameters = dict[str, Any]


def check_reserved(fn: Callable[..., Any], reserved: tuple[str, ...], kind: str) -> None:
    """Refuse arguments that the call itself needs, such as `return_state`."""
    taken = [name for name in inspect.signature(fn).parameters if name in reserved]
    if taken:
        names = ", ".join(map(repr, taken))
        raise ReservedArgument(
            f"The {kind} {fn.__name__!r} has an argument named {names}, which orion keeps for itself; rename it."
        )


def bind(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str = "It"
) -> Parameters:
    """The parameters of a call, by name and with defaults."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ParameterError(
            f"{name} cannot be called so: {error}. Its signature is {name}{signature}."
        ) from None
    bound.apply_defaults()
    return dict(bound.arguments)


def spread(signature: inspect.Signature, parameters: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Parameters as arguments and keyword arguments for the function."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if name not in parameters:
            continue
        match parameter.kind:
            case inspect.Parameter.VAR_POSITIONAL:
                args.extend(parameters[name])
            case inspect.Parameter.VAR_KEYWORD:
                kwargs.update(parameters[name])
            case inspect.Parameter.KEYWORD_ONLY:
                kwargs[name] = parameters[name]
            case _:
                args.append(parameters[name])
    return args, kwargs


def from_json(signature: inspect.Signature, given: Mapping[str, Any], name: str = "The flow") -> Parameters:
    """The parameters of a run made elsewhere: given by name, the rest by default."""
    return bind(signature, *_split(signature, given), name=name)


def _split(signature: inspect.Signature, given: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    rest = dict(given)
    args: list[Any] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and name in rest:
            args.append(rest.pop(name))
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD and isinstance(rest.get(name), dict):
            rest.update(rest.pop(name))
    return tuple(args), rest


def hints(fn: Callable[..., Any]) -> dict[str, Any]:
    """The type hints of a function; those that cannot be evaluated are left out."""
    import typing

    try:
        found = typing.get_type_hints(fn, include_extras=True)
    except Exception:
        found = {k: v for k, v in getattr(fn, "__annotations__", {}).items() if not isinstance(v, str)}
    found.pop("return", None)
    return found


def coerce(fn: Callable[..., Any], signature: inspect.Signature, parameters: Parameters) -> Parameters:
    """The parameters in the types that the hints ask for; raises `ParameterError` with every fault."""
    kinds = hints(fn)
    values, faults = dict(parameters), []
    for name, value in parameters.items():
        if name not in kinds or value is signature.parameters[name].default:
            continue
        try:
            values[name] = _by_kind(signature.parameters[name].kind, value, kinds[name])
        except (OrionError, ValueError, TypeError) as error:
            faults.append(f"{name}: {_said(error)} (got {_short(value)})")
    if faults:
        raise ParameterError("; ".join(faults))
    return values


def _by_kind(kind: Any, value: Any, hint: Any) -> Any:
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple(convert(item, hint) for item in value)
    if kind is inspect.Parameter.VAR_KEYWORD:
        return {key: convert(item, hint) for key, item in value.items()}
    return convert(value, hint)


def convert(value: Any, hint: Any) -> Any:
    """`value` as the type `hint`; raises ValueError. A hint that cannot be checked lets everything through."""
    import msgspec

    if of_pydantic(hint):
        from pydantic import TypeAdapter

        return TypeAdapter(hint).validate_python(value)
    try:
        return msgspec.convert(value, hint, strict=False, dec_hook=_other_type)
    except TypeError:
        return value


def _other_type(kind: Any, value: Any) -> Any:
    import typing
    from pathlib import PurePath

    plain = typing.get_origin(kind) or kind
    if not isinstance(plain, type):
        return value
    if isinstance(value, plain):
        return value
    if issubclass(plain, PurePath) and isinstance(value, str):
        return plain(value)
    raise ValueError(f"Expected `{plain.__name__}`, got `{type(value).__name__}`")


def of_pydantic(hint: Any) -> bool:
    """Whether a hint holds something of pydantic's: a model, or an annotated field."""
    import sys
    import typing

    if "pydantic" not in sys.modules:
        return False
    if isinstance(hint, type) and (
        hasattr(hint, "model_validate") or hasattr(hint, "__pydantic_validator__")
    ):
        return True
    marks = getattr(hint, "__metadata__", ())
    if any(type(mark).__module__.split(".")[0] in ("pydantic", "annotated_types") for mark in marks):
        return True
    return any(of_pydantic(part) for part in typing.get_args(hint))


def _said(error: BaseException) -> str:
    if hasattr(error, "errors"):
        return "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors())
    return str(error)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
