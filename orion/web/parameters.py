"""Parameters of a run: the deployment's overlaid by the caller's, and checked against the flow's schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from orion.errors import Conflict, Invalid
from orion.model.wire import EMPTY_OBJECT, raw, unraw
from orion.web.parse import typed_json

KIND = "__prefect_kind"
UNCHECKED_KEYS = ("pattern", "patternProperties", "format")


def overlay(base: Raw | None, upper: Raw | None) -> Raw:
    """One JSON object over another, key by key; each untouched value keeps its text."""
    if upper is None or bytes(upper) in (b"null", b"{}"):
        return base if base is not None and bytes(base) != b"null" else EMPTY_OBJECT
    return raw({**_members(base), **_members(upper)})


def _members(value: Raw | None) -> dict[str, Raw]:
    if value is None or bytes(value) == b"null":
        return {}
    try:
        return msgspec.json.decode(value, type=dict[str, Raw])
    except msgspec.ValidationError:
        raise Invalid("Parameters are a JSON object.") from None


def resolved(parameters: Raw) -> Raw:
    """The parameters with `{"__prefect_kind": "json", "value": text}` replaced by what the text says.

    Other kinds would need a template engine, which the server does not have: 409.
    """
    if KIND.encode() not in bytes(parameters):
        return parameters
    return raw({name: _resolve(name, unraw(value)) for name, value in _members(parameters).items()})


def _resolve(name: str, value: Any) -> Any:
    if not isinstance(value, dict) or KIND not in value:
        return value
    kind = value[KIND]
    if kind in (None, "none"):
        return value.get("value")
    if kind != "json":
        raise Conflict(
            f"The parameter {name!r} cannot be resolved: kind {kind!r} is not known here; send its value."
        )
    try:
        return typed_json(str(value.get("value", "")))
    except msgspec.DecodeError as error:
        raise Conflict(f"The parameter {name!r} cannot be resolved: {error}") from None


def check(parameters: Raw, schema: Raw, *, whole: bool) -> None:
    """Refuse parameters that the flow's schema does not allow; `whole` asks for the required ones too."""
    text = bytes(schema)
    values = {name: unraw(value) for name, value in _members(parameters).items()}
    if text in (b"null", b"{}"):
        if values:
            raise Conflict("The deployment has no parameter schema to check the parameters against.")
        return
    if found := list(dict.fromkeys(faults(values, text, whole=whole).values())):
        raise Invalid(
            f"Error creating flow run: the parameters do not fit the flow. {' '.join(found)[:2000]}"
        )


def faults(values: dict[str, Any], schema: bytes, *, whole: bool) -> dict[str, str]:
    """What is wrong with parameters, by the path of the value: one fault a parameter, and every missing one."""
    given = {name: value for name, value in values.items() if not _is_reference(value)}
    checks = _checkers(schema)
    missing = [name for name in checks.required if whole and name not in values]
    found = {name: f"{name} is required." for name in missing}
    if (fault := checks.whole(given)) is None:
        return found
    apart = {}
    for name, value in given.items():
        if name in checks.apart and (one := checks.apart[name]({name: value})):
            apart[one[0]] = one[1]
    return {**found, **(apart or {fault[0]: fault[1]})}


def _is_reference(value: Any) -> bool:
    """Whether a value stands for a block, a variable or the environment, which only the flow's process looks into."""
    return (isinstance(value, dict) and "$ref" in value) or (isinstance(value, str) and "{{" in value)


Verdict = Callable[[Any], tuple[str, str] | None]


class Checks(NamedTuple):
    """The checks of one schema: which parameters are required, all of them at once, and each by itself."""

    required: list[str]
    whole: Verdict
    apart: dict[str, Verdict]


@lru_cache(maxsize=256)
def _checkers(text: bytes) -> Checks:
    """What says what is wrong with some parameters."""
    schema = _tamed(unraw(text))
    if not isinstance(schema, dict):
        raise Conflict("The parameter schema is no JSON schema.")
    required = [str(name) for name in schema.get("required") or ()]
    loose = {**schema, "required": []}
    own = schema.get("properties")
    names = own if isinstance(own, dict) else {}
    return Checks(
        required,
        _verdict(loose),
        {name: _verdict({**loose, "properties": {name: each}}) for name, each in names.items()},
    )


def _verdict(schema: dict[str, Any]) -> Verdict:
    """A function that says where the first fault is and what; None without one."""
    validate: Callable[[Any], Any] | None = None

    def verdict(values: Any) -> tuple[str, str] | None:
        nonlocal validate
        import fastjsonschema

        validate = validate or _compiled(schema)
        try:
            validate(values)
        except fastjsonschema.JsonSchemaValueException as error:
            where = ".".join(str(part) for part in error.path[1:])
            return where, f"{str(error.message).replace('data.', '', 1)[:1000]}."
        return None

    return verdict


def _compiled(schema: dict[str, Any]) -> Callable[[Any], Any]:
    import fastjsonschema

    try:
        made: Callable[[Any], Any] = fastjsonschema.compile(
            schema, handlers=_NO_REMOTE, use_default=False, use_formats=False
        )
    except Exception as error:
        raise Conflict(f"The parameter schema cannot be used: {str(error)[:300]}") from None
    return made


def _refuse(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and references leave the schema never")


_NO_REMOTE: dict[str, Callable[[str], Any]] = dict.fromkeys(("http", "https", "ftp", "file", ""), _refuse)


def _tamed(schema: Any) -> Any:
    """The schema without regular expressions: nobody's pattern runs in the server."""
    match schema:
        case dict():
            return {
                name: _tamed(value)
                for name, value in schema.items()
                if name not in UNCHECKED_KEYS or not isinstance(value, (str, dict))
            }
        case list():
            return [_tamed(value) for value in schema]
        case _:
            return schema
