"""Any web service: method, address, parameters, headers, cookies and body as the block says.

`{{subject}}`, `{{body}}`, `{{name}}` (of the block) and `{{a secret's name}}` are replaced wherever a text stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from orion.notify.message import TIMEOUT, Message, Post, Request, Unsendable, keyed, need

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_PLACE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One request."""
    secrets = config.get("secrets")
    values = {name: str(value) for name, value in (secrets if isinstance(secrets, dict) else {}).items()}
    values |= {"subject": message.subject, "body": message.body, "name": str(config.get("name") or "")}
    kind, body = _body(config, values)
    headers = {**kind, **_pairs(config, "headers", values), **keyed(message)}
    if cookies := _pairs(config, "cookies", values):
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    url = filled(need(config, "url"), values)
    if params := _pairs(config, "params", values):
        url += ("&" if "?" in url else "?") + urlencode(params)
    timeout = config.get("timeout")
    seconds = min(float(timeout), TIMEOUT) if isinstance(timeout, int | float) and timeout > 0 else TIMEOUT
    return [Post(url=url, method=_method(config), headers=headers, body=body, timeout=seconds)]


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """A value with the places in all its texts replaced; an unknown name stays as it stands."""
    match value:
        case str():
            return _PLACE.sub(lambda place: values.get(place[1], place[0]), value)
        case dict():
            return {filled(name, values): filled(item, values) for name, item in value.items()}
        case list():
            return [filled(item, values) for item in value]
        case _:
            return value


def _method(config: Mapping[str, Any]) -> str:
    method = str(config.get("method") or "POST").upper()
    if method not in METHODS:
        raise Unsendable(f"The block's 'method' is {method!r}; it can be {', '.join(METHODS)}.")
    return method


def _body(config: Mapping[str, Any], values: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    if config.get("json_data") is not None:
        if config.get("form_data") is not None:
            raise Unsendable("The block has both 'json_data' and 'form_data'; a request has one body.")
        body = msgspec.json.encode(filled(config["json_data"], values))
        return {"Content-Type": "application/json"}, body
    form = filled(config.get("form_data"), values)
    if form is None:
        return {}, b""
    text = form if isinstance(form, str) else urlencode(form)
    return {"Content-Type": "application/x-www-form-urlencoded"}, text.encode()


def _pairs(config: Mapping[str, Any], name: str, values: Mapping[str, str]) -> dict[str, str]:
    found = config.get(name) or {}
    if not isinstance(found, dict):
        raise Unsendable(f"The block's {name!r} is no object.")
    return {filled(key, values): str(filled(value, values)) for key, value in found.items()}
