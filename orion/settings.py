"""Every setting once: name, type, default, help; and where its value comes from.

A value is taken from the environment, else from the active profile, else from the default; with an explicitly chosen
profile (`orion -p NAME`) the profile comes first. Values may hold `${ORION_HOME}` and the like.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from orion.errors import SettingError


class Setting(NamedTuple):
    """One setting: `name` as in the environment, `type` one of str, int, float, bool, Path.

    A number lies between 0 and `most`; a text is one of `choices`, where there are any.
    """

    name: str
    type: type
    default: Any
    help: str
    secret: bool = False
    older: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    most: float = float("inf")


LEVELS = ("critical", "error", "warning", "info", "debug")


def _older(*names: str) -> tuple[str, ...]:
    return names


SETTINGS: tuple[Setting, ...] = (
    Setting("ORION_HOME", Path, "~/.orion", "The folder of everything that orion keeps on this machine."),
    Setting("ORION_PROFILES_PATH", Path, "${ORION_HOME}/profiles.toml", "The file with the profiles."),
    Setting("ORION_PROFILE", str, None, "The profile to use instead of the active one."),
    Setting("ORION_DEBUG_MODE", bool, False, "Show calls, whole states and tracebacks.", older=_older("PREFECT_DEBUG_MODE")),
    Setting("ORION_TEST_MODE", bool, False, "Set by the test harness.", older=_older("PREFECT_TEST_MODE")),
    # client
    Setting("ORION_API_URL", str, None, "The API to talk to, with /api at its end; without it runs use the local database.", older=_older("PREFECT_API_URL")),
    Setting("ORION_API_KEY", str, None, "The key sent to the API as a bearer token.", True, _older("PREFECT_API_KEY")),
    Setting("ORION_API_REQUEST_TIMEOUT", float, 30.0, "Seconds until a request to the API is given up.", older=_older("PREFECT_API_REQUEST_TIMEOUT")),
    Setting("ORION_API_RETRY_SECONDS", float, 300.0, "Seconds for which a state or a log is sent again while the API is away."),
    Setting("ORION_CLIENT_MAX_RETRIES", int, 5, "How often a request is sent again after 429, 502, 503 or 504."),
    # server
    Setting("ORION_HOST", str, "127.0.0.1", "The address that the server listens on."),
    Setting("ORION_PORT", int, 4200, "The port that the server listens on; PORT is honoured too.", older=_older("PORT"), most=65535),
    Setting("ORION_PUBLIC_URL", str, None, "The address under which people reach the server, when a proxy stands before it."),
    Setting("ORION_ALLOWED_HOSTS", str, "", "Host names that the server answers to, beside the loopback names; a comma list."),
    Setting("ORION_ALLOWED_ORIGINS", str, "", "Origins of other sites whose pages may call the API; a comma list."),
    Setting("ORION_ROOT_PATH", str, "", "The path under which a proxy serves orion, such as /orion."),
    Setting("ORION_ADMIN_KEY", str, None, "The key that may do everything, as a bearer token or at the login page.", True),
    Setting("ORION_UI_ENABLED", bool, True, "Serve the console beside the API.", older=_older("PREFECT_UI_ENABLED", "PREFECT_ORION_UI_ENABLED")),
    Setting("ORION_UI_API_URL", str, None, "The API's address in the commands that the console shows, with /api at its end; without it the one that the browser reaches.", older=_older("PREFECT_UI_API_URL", "PREFECT_ORION_UI_API_URL")),
    Setting("ORION_API_DEFAULT_LIMIT", int, 200, "The rows of a list when the request names no limit, and the most it may name.", older=_older("PREFECT_API_DEFAULT_LIMIT", "PREFECT_ORION_API_DEFAULT_LIMIT")),
    Setting("ORION_API_MAX_BODY", int, 1_000_000, "The largest request body in bytes; logs may have five times as much."),
    Setting("ORION_API_MAX_PARAMETERS", int, 512_000, "The largest parameters of a run in bytes."),
    Setting("ORION_SERVER_LOG_LEVEL", str, "warning", "How much the server says: critical, error, warning, info, debug.", older=_older("PREFECT_LOGGING_SERVER_LEVEL"), choices=LEVELS),
    # database
    Setting("ORION_DATABASE_URL", str, "sqlite:///${ORION_HOME}/orion.db", "The database: sqlite:///file, or postgresql://user:password@host/name.", True, _older("PREFECT_ORION_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL", "DATABASE_URL")),
    Setting("ORION_DATABASE_PASSWORD", str, None, "Put into the database URL where it says ${ORION_DATABASE_PASSWORD}.", True, _older("PREFECT_ORION_DATABASE_PASSWORD")),
    Setting("ORION_DATABASE_ECHO", bool, False, "Log every SQL statement.", older=_older("PREFECT_ORION_DATABASE_ECHO")),
    Setting("ORION_DATABASE_MIGRATE_ON_START", bool, True, "Bring the schema up to date when the server starts.", older=_older("PREFECT_ORION_DATABASE_MIGRATE_ON_START")),
    Setting("ORION_DATABASE_TIMEOUT", float, 10.0, "Seconds until a statement is stopped."),
    Setting("ORION_DATABASE_POOL", int, 8, "Connections to PostgreSQL that one process may hold."),
    Setting("ORION_SQLITE_SYNCHRONOUS", str, "full", "full: an answered write survives a power cut; normal: it survives a crash of the process.", choices=("full", "normal")),
    Setting("ORION_SQLITE_BUSY_TIMEOUT", float, 15.0, "Seconds to wait for another process that holds the database."),
    Setting("ORION_CRASH_AT", str, None, "For tests: the process dies at this point of its work.", choices=("migration-step", "writer-before-commit", "writer-after-commit", "claim-handed-out", "outbox-sent")),
    Setting("ORION_ENCRYPTION_KEY", str, None, "The key that secrets are encrypted with; else the file secret.key in ORION_HOME.", True),
    Setting("ORION_RETENTION", str, "on", "off keeps every run and log for ever."),
    Setting("ORION_RETENTION_RUN_DAYS", int, 365, "Finished runs older than this are deleted, but for the newest of each flow."),
    Setting("ORION_RETENTION_RUN_COUNT", int, 100, "The newest finished runs of each flow that stay, however old."),
    Setting("ORION_RETENTION_LOG_DAYS", int, 90, "Logs older than this are deleted."),
    # orchestration
    Setting("ORION_TAG_LIMIT_WAIT_SECONDS", float, 30.0, "How long a task run is told to wait for a slot of its tag.", older=_older("PREFECT_TASK_RUN_TAG_CONCURRENCY_SLOT_WAIT_SECONDS")),
    Setting("ORION_LATE_AFTER_SECONDS", float, 15.0, "A run that is this late is marked Late.", older=_older("PREFECT_API_SERVICES_LATE_RUNS_AFTER_SECONDS")),
    Setting("ORION_SLOT_OFFER_SECONDS", float, 1.0, "For how long a free slot of a limit is kept for who has waited longest; then it is anybody's."),
    Setting("ORION_CLAIM_SECONDS", float, 30.0, "For how long a run handed out to an agent is kept for it."),
    Setting("ORION_PENDING_SECONDS", float, 90.0, "After this a PENDING run whose process never came is handed out again."),
    Setting("ORION_PENDING_INFRASTRUCTURE_SECONDS", float, 600.0, "The same, once its infrastructure has been started."),
    Setting("ORION_HEARTBEAT_SECONDS", float, 15.0, "How often a flow process says that it lives."),
    Setting("ORION_HEARTBEAT_LOST_SECONDS", float, 75.0, "A run that is silent for this long is taken for crashed."),
    Setting("ORION_MAX_SUBMIT_ATTEMPTS", int, 3, "How often a run is handed out before it is given up as crashed."),
    # scheduling
    Setting("ORION_CLOCK_ENABLED", bool, True, "Run the clock (schedules, late runs, leases, notifications) inside `orion start`."),
    Setting("ORION_CLOCK_URL", str, None, "The Huey queue of the clock: sqlite:///file, postgresql://…, redis://host:6379/0; by default beside the database.", True),
    Setting("ORION_SCHEDULER_ENABLED", bool, True, "Let the clock plan the runs of schedules.", older=_older("PREFECT_API_SERVICES_SCHEDULER_ENABLED", "PREFECT_ORION_SERVICES_SCHEDULER_ENABLED")),
    Setting("ORION_LATE_RUNS_ENABLED", bool, True, "Let the clock mark late runs.", older=_older("PREFECT_API_SERVICES_LATE_RUNS_ENABLED", "PREFECT_ORION_SERVICES_LATE_RUNS_ENABLED")),
    Setting("ORION_NOTIFICATIONS_ENABLED", bool, True, "Let the clock send notifications.", older=_older("PREFECT_API_SERVICES_FLOW_RUN_NOTIFICATIONS_ENABLED", "PREFECT_ORION_SERVICES_FLOW_RUN_NOTIFICATIONS_ENABLED")),
    Setting("ORION_NOTIFICATIONS_PRIVATE_TARGETS", bool, None, "Let notifications go to this machine and private networks; without a value only while the server is open on loopback."),
    Setting("ORION_SCHEDULER_MIN_RUNS", int, 3, "How many runs of a schedule are planned ahead at least."),
    Setting("ORION_SCHEDULER_MIN_SECONDS", float, 3600.0, "How far ahead runs are planned at least."),
    Setting("ORION_SCHEDULER_MAX_RUNS", int, 100, "How many runs of a schedule are planned ahead at most."),
    Setting("ORION_SCHEDULER_MAX_SECONDS", float, 8_640_000.0, "How far ahead runs are planned at most (100 days)."),
    # agent
    Setting("ORION_AGENT_POLL_SECONDS", float, 25.0, "How long a poll of the agent waits for a run that is due."),
    Setting("ORION_AGENT_PREFETCH_SECONDS", float, 10.0, "How far ahead of its time a run is fetched; none starts early.", older=_older("PREFECT_AGENT_PREFETCH_SECONDS")),
    Setting("ORION_AGENT_LIMIT", int, None, "How many runs an agent has at once; without a value as many as come."),
    Setting("ORION_AGENT_ENVIRONMENT", str, "", "Further environment variables that an agent passes to its flows; a comma list."),
    Setting("ORION_AGENT_MEMORY_MB", int, 0, "The memory that a flow process may take, in megabytes; 0 sets no limit."),
    Setting("ORION_AGENT_PROCESSES", int, 0, "The processes that the user of a flow may have (RLIMIT_NPROC); 0 sets no limit."),
    Setting("ORION_AGENT_GRACE_SECONDS", float, 30.0, "Seconds between the SIGTERM and the SIGKILL of a cancelled run."),
    # runs
    Setting("ORION_LOCAL_STORAGE_PATH", Path, "${ORION_HOME}/storage", "Where results are kept.", older=_older("PREFECT_LOCAL_STORAGE_PATH")),
    Setting("ORION_RESULTS_PERSIST", bool, True, "Keep the results of tasks and flows, so that retries and caches can use them."),
    Setting("ORION_RESULTS_STORAGE", str, None, "Where results are kept that name no storage: a saved block (s3/prod) or a folder.", older=_older("PREFECT_DEFAULT_RESULT_STORAGE_BLOCK")),
    Setting("ORION_RESULTS_TRUSTED", str, "", "Further storages that results are read from, though no flow of the program uses them; a comma list."),
    Setting("ORION_RESULTS_SERIALIZER", str, "pickle", "How results are written: pickle, json, text, compressed/pickle or compressed/json.", older=_older("PREFECT_RESULTS_DEFAULT_SERIALIZER")),
    Setting("ORION_TASK_DEFAULT_RETRIES", int, 0, "Retries of a task that names none."),
    Setting("ORION_FLOW_DEFAULT_RETRIES", int, 0, "Retries of a flow that names none."),
    Setting("ORION_MAP_BATCH", int, 200, "How many mapped task runs travel in one request."),
    # logs
    Setting("ORION_LOGGING_LEVEL", str, "INFO", "The level of run logs.", older=_older("PREFECT_LOGGING_LEVEL"), choices=LEVELS),
    Setting("ORION_LOGGING_SETTINGS_PATH", Path, "${ORION_HOME}/logging.yml", "A file that overrides the logging configuration.", older=_older("PREFECT_LOGGING_SETTINGS_PATH")),
    Setting("ORION_LOGGING_EXTRA_LOGGERS", str, "", "Other loggers whose lines go to the run; a comma list.", older=_older("PREFECT_LOGGING_EXTRA_LOGGERS")),
    Setting("ORION_LOGGING_FORMAT", str, "text", "What the console gets: text or json.", choices=("text", "json")),
    Setting("ORION_LOGGING_COLORS", bool, True, "Colours in the console's log lines.", older=_older("PREFECT_LOGGING_COLORS")),
    Setting("ORION_LOGGING_LOG_PRINTS", bool, False, "Send what flows and tasks print to the run's logs.", older=_older("PREFECT_LOGGING_LOG_PRINTS")),
    Setting("ORION_LOGGING_TO_API_ENABLED", bool, True, "Send run logs to the API.", older=_older("PREFECT_LOGGING_TO_API_ENABLED", "PREFECT_LOGGING_ORION_ENABLED")),
    Setting("ORION_LOGGING_TO_API_BATCH_INTERVAL", float, 2.0, "Seconds between two batches of log lines.", older=_older("PREFECT_LOGGING_TO_API_BATCH_INTERVAL", "PREFECT_LOGGING_ORION_BATCH_INTERVAL")),
    Setting("ORION_LOGGING_TO_API_BATCH_SIZE", int, 4_000_000, "The bytes of one batch of log lines at most.", older=_older("PREFECT_LOGGING_TO_API_BATCH_SIZE", "PREFECT_LOGGING_ORION_BATCH_SIZE")),
    Setting("ORION_LOGGING_TO_API_MAX_LOG_SIZE", int, 1_000_000, "The bytes of one log line at most.", older=_older("PREFECT_LOGGING_TO_API_MAX_LOG_SIZE", "PREFECT_LOGGING_ORION_MAX_LOG_SIZE")),
    Setting("ORION_LOGGING_RUN_LINES", int, 500_000, "The log lines of one run that the server keeps; one more line says that others were cut. 0: all."),
    Setting("ORION_LOGGING_RUN_BYTES", int, 500_000_000, "The bytes of log lines of one run that the server keeps. 0: all."),
    # command line
    Setting("ORION_CLI_COLORS", bool, True, "Colours in the output of commands.", older=_older("PREFECT_CLI_COLORS")),
    Setting("ORION_CLI_WRAP_LINES", bool, True, "Wrap long lines in the output of commands.", older=_older("PREFECT_CLI_WRAP_LINES")),
)  # fmt: skip

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
ALIASES: dict[str, str] = {older: s.name for s in SETTINGS for older in s.older}

_PLACEHOLDER = re.compile(r"\$\{([A-Z_]+)\}")
_TRUE = frozenset(("1", "true", "yes", "on", "t", "y"))
_FALSE = frozenset(("0", "false", "no", "off", "f", "n", ""))


class Settings:
    """The values in force; `settings.api_url` is ORION_API_URL. `sources` tells where each came from."""

    def __init__(self, values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.sources = dict(sources)

    def __getattr__(self, attribute: str) -> Any:
        try:
            return self.values["ORION_" + attribute.upper()]
        except KeyError:
            raise AttributeError(f"there is no setting ORION_{attribute.upper()}") from None

    def with_updates(self, updates: Mapping[str, Any], source: str = "code") -> Settings:
        """A copy with other values, given by full name; strings are converted, None restores the default."""
        texts = {**self._texts(), **updates}
        sources = {**self.sources, **dict.fromkeys(updates, source)}
        return Settings(_resolve(texts), sources)

    def environment(self) -> dict[str, str]:
        """What a child process needs to have the same settings: all that differ from the defaults."""
        return {
            name: _as_text(self.values[name])
            for name, source in self.sources.items()
            if source != "default" and self.values[name] is not None
        }

    def masked(self) -> dict[str, Any]:
        """All values, secrets hidden."""
        return {s.name: _mask(s, self.values[s.name]) for s in SETTINGS}

    def _texts(self) -> dict[str, Any]:
        return {name: self.values[name] for name, source in self.sources.items() if source != "default"}


def load(environ: Mapping[str, str] | None = None, profile: str | None = None) -> Settings:
    """The settings of an environment; `profile` names one explicitly, which then beats the environment."""
    environ = os.environ if environ is None else environ
    given, origin = _from_environment(environ)
    home = _resolve({k: v for k, v in given.items() if k in ("ORION_HOME", "ORION_PROFILES_PATH")})
    name, values = _profile(home["ORION_PROFILES_PATH"], profile or given.get("ORION_PROFILE"))
    label = f"profile {name}"
    if profile:
        texts, sources = {**given, **values}, {**origin, **dict.fromkeys(values, label)}
    else:
        texts, sources = {**values, **given}, {**dict.fromkeys(values, label), **origin}
    texts["ORION_PROFILE"] = name
    resolved = _resolve(texts)
    return Settings(resolved, {s.name: sources.get(s.name, "default") for s in SETTINGS})


_override: ContextVar[Settings | None] = ContextVar("orion_settings", default=None)
_loaded: Settings | None = None
_process: Settings | None = None


def current() -> Settings:
    """The settings in force here: temporary ones, else those of the process."""
    global _loaded
    found = _override.get() or _process
    if found is not None:
        return found
    if _loaded is None:
        _loaded = load()
    return _loaded


def reload(profile: str | None = None) -> Settings:
    """Read the environment and the profile again."""
    global _loaded
    _loaded = load(profile=profile)
    return _loaded


@contextmanager
def temporary_settings(
    updates: Mapping[str, Any] | None = None,
    set_defaults: Mapping[str, Any] | None = None,
    restore_defaults: tuple[str, ...] = (),
) -> Iterator[Settings]:
    """Other settings for a while, in all threads; `set_defaults` only fills in what nothing else has set."""
    global _process
    before, base = _process, current()
    changes: dict[str, Any] = dict.fromkeys(restore_defaults)
    changes |= {k: v for k, v in (set_defaults or {}).items() if base.sources.get(k) == "default"}
    changes |= dict(updates or {})
    _process = base.with_updates(changes)
    token = _override.set(_process)
    try:
        yield _process
    finally:
        _override.reset(token)
        _process = before


def convert(setting: Setting, value: Any) -> Any:
    """`value` (mostly text) in the setting's type; raises `SettingError` naming the setting."""
    if value is None:
        return None
    try:
        found = _CONVERT[setting.type](value)
    except (TypeError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(
            setting.type, setting.type.__name__
        )
        raise SettingError(f"{setting.name} must be {kind}, but it is {value!r}.") from None
    if setting.choices and str(found).lower() not in setting.choices:
        raise SettingError(
            f"{setting.name} must be one of {', '.join(setting.choices)}, but it is {value!r}."
        )
    if setting.type in (int, float) and not 0 <= found <= setting.most:
        most = "" if setting.most == float("inf") else f" and at most {setting.most:g}"
        raise SettingError(f"{setting.name} must be at least 0{most}, but it is {value!r}.")
    return found


def _bool(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise ValueError(value)
    return text in _TRUE


_CONVERT: dict[type, Callable[[Any], Any]] = {
    str: str,
    int: lambda value: int(str(value).replace("_", "")),
    float: float,
    bool: _bool,
    Path: lambda value: Path(value).expanduser(),
}


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    given: dict[str, str] = {}
    origin: dict[str, str] = {}
    for setting in SETTINGS:
        for name in (setting.name, *setting.older):
            if environ.get(name):
                given[setting.name] = environ[name]
                origin[setting.name] = "environment" if name == setting.name else f"environment {name}"
                break
    return given, origin


def _profile(path: Path, wanted: str | None) -> tuple[str, dict[str, str]]:
    if not path.exists():
        if wanted and wanted != "default":
            raise SettingError(
                f"There is no profile {wanted!r}: {path} does not exist. Make it: orion profile create {wanted}"
            )
        return wanted or "default", {}
    import tomllib

    try:
        data = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise SettingError(f"The profiles in {path} cannot be read: {error}") from None
    name = wanted or str(data.get("active") or "default")
    profiles = data.get("profiles", {})
    if name not in profiles and name != "default":
        raise SettingError(f"There is no profile {name!r} in {path}. Make it: orion profile create {name}")
    return name, {
        ALIASES.get(k, k): str(v) for k, v in profiles.get(name, {}).items() if ALIASES.get(k, k) in BY_NAME
    }


def _resolve(texts: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}

    def value_of(name: str) -> Any:
        if name not in values:
            setting = BY_NAME[name]
            text = texts.get(name)
            text = setting.default if text is None else text
            values[name] = convert(setting, _fill(text, value_of, name))
        return values[name]

    for setting in SETTINGS:
        value_of(setting.name)
    _cross_check(values)
    return values


def _fill(text: Any, value_of: Callable[[str], Any], name: str) -> Any:
    if not isinstance(text, str) or "${" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        other = match[1] if match[1] in BY_NAME else ALIASES.get(match[1], "")
        if not other or other == name:
            raise SettingError(f"{name} holds ${{{match[1]}}}, which is not a setting.")
        value = str(value_of(other) or "")
        return quote(value, safe="") if other == "ORION_DATABASE_PASSWORD" else value

    return _PLACEHOLDER.sub(replace, text)


def _cross_check(values: Mapping[str, Any]) -> None:
    line, batch = values["ORION_LOGGING_TO_API_MAX_LOG_SIZE"], values["ORION_LOGGING_TO_API_BATCH_SIZE"]
    if line > batch:
        raise SettingError(
            f"ORION_LOGGING_TO_API_MAX_LOG_SIZE ({line}) may not exceed ORION_LOGGING_TO_API_BATCH_SIZE ({batch})."
        )


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mask(setting: Setting, value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if not setting.secret or value is None:
        return value
    if "://" in str(value):
        return re.sub(r"(?<=:)[^:@/]+(?=@)", "********", str(value))
    return "********"
