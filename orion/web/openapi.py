"""The OpenAPI document, made from the route table and the structs that the routes read and write."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, UNSET, Meta, Raw, Struct

from orion.model.wire import unraw
from orion.web.route import Route

REF = "#/components/schemas/{name}"
_ID = {"type": "string", "format": "uuid"}


class ErrorAnswer(Struct, kw_only=True, omit_defaults=True):
    """What every refusal looks like: a sentence, or for a bad body the list of its faults."""

    detail: str | None = None
    exception_message: str | None = None
    exception_detail: list[dict[str, Any]] | None = None
    request_body: Any = None


@lru_cache(maxsize=2)
def document(routes: tuple[Route, ...], version: str) -> dict[str, Any]:
    """The whole document; computed once."""
    api = [route for route in routes if route.api is not None]
    kinds = _kinds(api)
    schemas, components = msgspec.json.schema_components([plain(kind) for kind in kinds], ref_template=REF)
    schema_of = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in api:
        paths.setdefault(f"/api{route.api}", {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "orion", "version": version, "description": "The REST interface of orion."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def by_tag(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations of a document under their headings, each with its method and path: what the reference shows."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            entry = {"method": method.upper(), "path": path, **operation}
            found.setdefault(operation["tags"][0], []).append(entry)
    return found


def type_name(schema: Any) -> str:
    """A schema in a few words: `[FlowRun]`, `string or null`."""
    match schema:
        case {"$ref": str(reference)}:
            return reference.rpartition("/")[2]
        case {"anyOf": list(options)}:
            return " or ".join(dict.fromkeys(type_name(option) for option in options))
        case {"enum": list(values)}:
            return " | ".join(map(str, values))
        case {"type": "array", "items": items}:
            return f"[{type_name(items)}]"
        case {"format": str(name)}:
            return name
        case {"type": str(name)}:
            return name
        case _:
            return "any"


def _kinds(routes: Iterable[Route]) -> list[Any]:
    kinds: dict[Any, None] = {ErrorAnswer: None}
    for route in routes:
        kinds |= dict.fromkeys(kind for kind in (route.body, route.answer) if kind is not None)
    return list(kinds)


def _operation(route: Route, schema_of: dict[Any, Any]) -> dict[str, Any]:
    summary, _, description = inspect.cleandoc(route.handler.__doc__ or "").partition("\n")
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [route.tag],
        "summary": summary.rstrip("."),
        "parameters": _parameters(route),
        "responses": _responses(route, schema_of),
    }
    if description.strip():
        operation["description"] = description.strip()
    if route.body is not None:
        content = {"application/json": {"schema": schema_of[route.body]}}
        operation["requestBody"] = {"content": content, "required": _needs_body(route.body)}
    return operation


def operation_id(route: Route) -> str:
    """`flow_runs.set_state`: the handler's name."""
    words = [word.strip("{}") for word in (route.api or "").split("/") if word]
    return "_".join([route.method.lower(), *words]).replace("-", "_")


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in route.path_parameters
    ]
    in_query = [_query_parameter(text) for text in route.query]
    return in_path + in_query


def _path_schema(name: str) -> dict[str, Any]:
    return dict(_ID) if name == "id" or name.endswith("_id") else {"type": "string"}


def _query_parameter(text: str) -> dict[str, Any]:
    """`include_secrets: boolean`, `flow_run_id*: uuid` (a star: required) as a parameter object."""
    name, _, kind = text.partition(": ")
    schema = dict(_ID) if kind == "uuid" else {"type": kind or "string"}
    return {"name": name.rstrip("*"), "in": "query", "required": name.endswith("*"), "schema": schema}


def _responses(route: Route, schema_of: dict[Any, Any]) -> dict[str, Any]:
    answers = {str(code): _answer(route, code, schema_of) for code in sorted({route.status, *route.also})}
    error = {"application/json": {"schema": schema_of[ErrorAnswer]}}
    answers["4XX"] = {"description": "Refused", "content": error}
    answers["503"] = {"description": "Try again later", "content": error}
    return answers


def _answer(route: Route, code: int, schema_of: dict[Any, Any]) -> dict[str, Any]:
    described = {"description": {200: "Successful", 201: "Created", 204: "Done"}.get(code, "Answered")}
    if code == 204:
        return described
    schema = {"type": "null"} if route.answer is None else schema_of[route.answer]
    return {**described, "content": {"application/json": {"schema": schema}}}


def _needs_body(kind: Any) -> bool:
    """Whether the type has a field without default: then an empty body is refused."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return any(field.required for field in msgspec.structs.fields(kind))
    return True


def plain(kind: Any) -> Any:
    """A type as the document shows it: opaque JSON is anything."""
    if kind is Raw:
        return Any
    if kind is datetime:
        return Annotated[datetime, Meta(extra_json_schema={"format": "date-time"})]
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _plain_struct(kind)
    origin = get_origin(kind)
    if origin is None or origin is Literal:
        return kind
    if origin is Annotated:
        inner, *metadata = get_args(kind)
        return Annotated[(plain(inner), *metadata)]
    arguments = tuple(plain(argument) for argument in get_args(kind))
    return reduce(or_, arguments) if origin in (Union, types.UnionType) else origin[arguments]


@cache
def _plain_struct(kind: type[Struct]) -> type[Struct]:
    fields = [_plain_field(field) for field in msgspec.structs.fields(kind)]
    closed = kind.__struct_config__.forbid_unknown_fields
    namespace = {"__doc__": kind.__doc__}
    return msgspec.defstruct(
        kind.__name__, fields, kw_only=True, forbid_unknown_fields=closed, namespace=namespace
    )


def _plain_field(field: msgspec.structs.FieldInfo) -> Any:
    kind = plain(field.type)
    if field.required:
        return field.encode_name, kind
    if field.default_factory is not NODEFAULT:
        return field.encode_name, kind, msgspec.field(default_factory=field.default_factory)
    default = field.default
    if isinstance(default, Raw):
        default = unraw(default)
    elif isinstance(default, Struct):
        default = UNSET
        kind = kind | msgspec.UnsetType
    return (
        field.encode_name,
        kind,
        msgspec.field(default_factory=type(default)) if default in ({}, []) else default,
    )
