"""The logging configuration: a default, overridden by logging.yml, overridden by ORION_LOGGING_<PATH>_<TO>_<KEY>."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orion.errors import SettingError
from orion.sdk.logs import CLOCK, FLOW_RUNS, TASK_RUNS
from orion.settings import Settings, current

FORMATTER = "orion.sdk.logs.RunFormatter"
TO_CONSOLE = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "level": 0}


def configuration(
    settings: Settings | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The whole configuration, as `logging.config.dictConfig` takes it."""
    settings = settings or current()
    config = _default(settings)
    file = Path(settings.logging_settings_path)
    if file.exists():
        config = merge(config, read_file(file))
    return override(config, os.environ if environ is None else environ)


def apply(config: dict[str, Any]) -> None:
    """Put a configuration in force; `SettingError` when it cannot be."""
    import logging.config

    try:
        logging.config.dictConfig(config)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        cause = error.__cause__ or error
        raise SettingError(
            f"The logging configuration cannot be used: {error}: {cause}. "
            f"Look at {current().logging_settings_path} and at the variables ORION_LOGGING_..."
        ) from None


def merge(base: dict[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `top` on it, key by key into the depth."""
    merged = dict(base)
    for key, value in top.items():
        inside = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if inside else value
    return merged


def override(
    config: dict[str, Any], environ: Mapping[str, str], path: str = "ORION_LOGGING"
) -> dict[str, Any]:
    """`config` with every value replaced that the environment names by its path."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{path}_{str(key).upper().replace('.', '_').replace('-', '_')}"
        if isinstance(value, dict):
            found[key] = override(value, environ, name)
        else:
            found[key] = _typed(environ[name], value) if environ.get(name) else value
    return found


def _typed(text: str, before: Any) -> Any:
    if isinstance(before, bool):
        return text.lower() in ("1", "true", "yes", "on")
    if isinstance(before, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return int(text) if isinstance(before, int) and text.lstrip("-").isdigit() else text


def read_file(path: Path) -> dict[str, Any]:
    """The content of a logging file."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text()) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingError(f"The logging configuration {path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise SettingError(f"The logging configuration {path} must be a mapping.")
    return found


def _default(settings: Settings) -> dict[str, Any]:
    level = "DEBUG" if settings.debug_mode else settings.logging_level.upper()
    style = "json" if settings.logging_format == "json" else None
    loggers = {
        "orion": {"level": level, "handlers": ["console"], "propagate": False},
        FLOW_RUNS: {"level": level, "handlers": ["console_flow_runs", "api"], "propagate": False},
        TASK_RUNS: {"level": level, "handlers": ["console_task_runs", "api"], "propagate": False},
    }
    for name in filter(None, (part.strip() for part in settings.logging_extra_loggers.split(","))):
        loggers[name] = {"level": level, "handlers": ["console", "api"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "simple": {"()": FORMATTER, "format": CLOCK + "%(name)s - %(message)s"},
            "flow_runs": {"()": FORMATTER, "format": CLOCK + "Flow run %(flow_run_name)r - %(message)s"},
            "task_runs": {"()": FORMATTER, "format": CLOCK + "Task run %(task_run_name)r - %(message)s"},
            "json": {"()": "orion.sdk.logs.JsonFormatter"},
        },
        "handlers": {
            "console": {**TO_CONSOLE, "formatter": style or "simple"},
            "console_flow_runs": {**TO_CONSOLE, "formatter": style or "flow_runs"},
            "console_task_runs": {**TO_CONSOLE, "formatter": style or "task_runs"},
            "api": {"class": "orion.sdk.logs.ApiHandler", "level": 0},
        },
        "loggers": loggers,
    }
