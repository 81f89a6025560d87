"""Parameters: bound to the signature, coerced by hints, told as a schema."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from orion.sdk import parameters
from orion.sdk.errors import ParameterError, ReservedArgument
from orion.sdk.flows import flow
from orion.sdk.schemas import parameter_schema
from orion.sdk.tasks import task


class Colour(Enum):
    RED = "red"


@dataclass
class Station:
    name: str
    height: float = 0.0


def coerced(fn: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    signature = inspect.signature(fn)
    return parameters.coerce(fn, signature, parameters.bind(signature, args, kwargs, "f"))


@pytest.mark.row("SDK-15")
@pytest.mark.parametrize(
    ("hint", "given", "expected"),
    [
        (int, "5", 5),
        (float, "2.5", 2.5),
        (bool, "true", True),
        (date, "2012-01-31", date(2012, 1, 31)),
        (datetime, "2012-01-31T10:00:00+00:00", datetime.fromisoformat("2012-01-31T10:00:00+00:00")),
        (timedelta, 90, timedelta(seconds=90)),
        (Colour, "red", Colour.RED),
        (Path, "/tmp/x", Path("/tmp/x")),
        (list[int], ["1", 2], [1, 2]),
        (Station, {"name": "Sea", "height": "3"}, Station("Sea", 3.0)),
        (list[Station], [{"name": "Sea"}], [Station("Sea")]),
        (int | None, None, None),
        (Any, "5", "5"),
    ],
)
def test_a_value_becomes_what_its_hint_asks_for(hint: Any, given: Any, expected: Any) -> None:
    def fn(x):  # type: ignore[no-untyped-def]
        return x

    fn.__annotations__ = {"x": hint}
    assert coerced(fn, given) == {"x": expected}


@pytest.mark.row("SDK-15")
def test_pydantic_models_and_fields_are_validated_when_pydantic_is_there() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        n: int

    def fn(m, k):  # type: ignore[no-untyped-def]
        return m, k

    fn.__annotations__ = {"m": Model, "k": Annotated[int, pydantic.Field(gt=0)]}
    assert coerced(fn, {"n": "3"}, "4") == {"m": Model(n=3), "k": 4}
    with pytest.raises(ParameterError, match=r"m: n .*; k: .*greater than 0"):
        coerced(fn, {"n": "x"}, 0)
    assert parameter_schema(fn)["properties"]["k"]["exclusiveMinimum"] == 0


class Size(Enum):
    SMALL = "small"
    BIG = "big"


@dataclass
class Parcel:
    size: Size
    way: Literal["sea", "air"] = "sea"
    within: Parcel | None = None


def send(parcels: list[Parcel], size: Size = Size.SMALL, *notes: str) -> None:
    """Send it.

    Args:
        parcels: what goes,
            and where
        size (Size): how large
        *notes: for the driver
    """


@pytest.mark.row("DEP-02")
def test_choices_keep_the_order_in_which_they_were_written() -> None:
    schema = parameter_schema(send)["definitions"]
    assert schema["Size"]["enum"] == ["small", "big"]
    assert schema["Parcel"]["properties"]["way"]["enum"] == ["sea", "air"]


@pytest.mark.row("DEP-02")
@pytest.mark.parametrize(
    "docstring",
    [
        send.__doc__,
        "Send it.\n\n:param parcels: what goes,\n and where\n:param size: how large\n:param notes: for the driver",
        "Send it.\n\nParameters\n----------\nparcels\n    what goes,\n    and where\nsize : Size\n    how large\n"
        "*notes\n    for the driver",
    ],
)
def test_a_schema_says_what_the_docstring_says_of_each_parameter(docstring: str) -> None:
    def fn(parcels: list[str], size: str, *notes: str, more: int = 0) -> None: ...

    fn.__doc__ = docstring
    said = {name: each.get("description") for name, each in parameter_schema(fn)["properties"].items()}
    wanted = {"parcels": "what goes,\nand where", "size": "how large", "notes": "for the driver", "more": None}
    assert said == wanted


@pytest.mark.row("SDK-15")
def test_every_bad_value_is_named_not_only_the_first() -> None:
    def fn(a: int, b: date, c: str) -> None: ...

    with pytest.raises(ParameterError) as caught:
        coerced(fn, "x", "y", "fine")
    text = str(caught.value)
    assert "a: " in text and "b: " in text and "c: " not in text


def test_an_object_of_its_class_stays_the_same_object() -> None:
    class Custom: ...

    thing = Custom()

    def fn(x):  # type: ignore[no-untyped-def]
        return x

    fn.__annotations__ = {"x": Custom}
    assert coerced(fn, thing)["x"] is thing
    with pytest.raises(ParameterError, match="Expected `Custom`, got `int`"):
        coerced(fn, 3)


def test_variadic_arguments_are_bound_coerced_and_spread_again() -> None:
    def fn(a: int, *rest: int, k: str = "x", **more: float) -> None: ...

    values = coerced(fn, "1", "2", "3", z="4")
    assert values == {"a": 1, "rest": (2, 3), "k": "x", "more": {"z": 4.0}}
    assert parameters.spread(inspect.signature(fn), values) == ([1, 2, 3], {"k": "x", "z": 4.0})


def test_parameters_of_a_run_made_elsewhere_fill_up_with_defaults() -> None:
    def fn(a: int, b: int = 2, **more: int) -> None: ...

    assert parameters.from_json(inspect.signature(fn), {"a": 1, "more": {"z": 3}}) == {
        "a": 1,
        "b": 2,
        "more": {"z": 3},
    }
    with pytest.raises(ParameterError, match="missing a required argument: 'a'"):
        parameters.from_json(inspect.signature(fn), {"b": 1})


@pytest.mark.row("SDK-16")
def test_reserved_names_cannot_be_arguments() -> None:
    with pytest.raises(ReservedArgument, match="wait_for"):

        @task
        def needs(wait_for: int) -> None: ...

    with pytest.raises(ReservedArgument, match="return_state"):

        @flow
        def wants(return_state: int) -> None: ...


def test_the_schema_tells_types_defaults_order_and_what_is_required() -> None:
    def fn(station: str, years: list[int] = [2012], place: Station | None = None) -> None: ...  # noqa: B006

    schema = parameter_schema(fn)
    assert list(schema["properties"]) == ["station", "years", "place"]
    assert schema["required"] == ["station"]
    assert schema["properties"]["years"]["items"] == {"type": "integer"}
    assert schema["properties"]["years"]["default"] == [2012]
    assert schema["definitions"]["Station"]["required"] == ["name"]
