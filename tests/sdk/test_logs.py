"""Log lines on their way: batches, limits, order, switches, configuration."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from orion import flow, get_run_logger, task
from orion.sdk import logs
from orion.sdk.client import SyncClient
from orion.sdk.errors import ApiError, Unreachable
from orion.sdk.exchange import Request
from orion.sdk.log_config import configuration, merge, override
from orion.sdk.log_sender import LogSender
from orion.settings import current, temporary_settings
from tests.servers import eventually

RUN = "00000000-0000-7000-8000-000000000001"


class Post:
    """Takes what a sender posts."""

    def __init__(self, refuse: str = "", away: int = 0) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.sizes: list[int] = []
        self.refuse = refuse
        self.away = away

    def send(self, request: Request) -> None:
        if self.away:
            self.away -= 1
            raise Unreachable("away")
        lines = msgspec.json.decode(request.body or b"")
        if self.refuse and any(self.refuse in line["message"] for line in lines):
            raise ApiError("refused", status=422)
        self.batches.append(lines)
        self.sizes.append(len(request.body or b""))


def record(created: float = 1000.0) -> logging.LogRecord:
    made = logging.LogRecord("orion.flow_runs", 20, "", 0, "", None, None)
    made.created = created
    return made


def sender(post: Post, **settings: Any) -> LogSender:
    given = {f"ORION_LOGGING_TO_API_{name.upper()}": value for name, value in settings.items()}
    return LogSender(post, current().with_updates(given))  # type: ignore[arg-type]


@pytest.mark.row("LOG-03")
def test_lines_leave_in_order_with_a_source_and_a_number_and_times_that_never_go_back() -> None:
    post = Post()
    out = sender(post)
    for number, created in enumerate((1000.0, 1001.0, 999.0, 1002.0)):
        out.add(record(created), f"line {number}", RUN, None)
    assert out.flush(10)
    lines = [line for batch in post.batches for line in batch]
    assert [line["message"] for line in lines] == [f"line {n}" for n in range(4)]
    assert [line["seq"] for line in lines] == [0, 1, 2, 3]
    assert len({line["source"] for line in lines}) == 1
    times = [line["timestamp"] for line in lines]
    assert times == sorted(times) and times[1] == times[2]


@pytest.mark.row("LOG-03")
def test_batches_and_lines_have_a_size() -> None:
    post = Post()
    out = sender(post, batch_size=20_000, max_log_size=10_000)
    for _ in range(10):
        out.add(record(), "x" * 4_000, RUN, None)
    out.add(record(), "é" * 50_000, RUN, None)
    assert out.flush(10)
    assert max(post.sizes) <= 20_000 and len(post.batches) >= 3
    last = post.batches[-1][-1]["message"]
    assert last.startswith("éé") and "the line had 100,000 bytes, at most 10,000 are kept" in last


@pytest.mark.row("LOG-03")
def test_waiting_lines_leave_by_themselves_and_outlast_an_api_that_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = current()
    assert settings.logging_to_api_batch_interval == 2
    assert settings.logging_to_api_batch_size == 4_000_000
    assert settings.logging_to_api_max_log_size == 1_000_000
    post, pauses = Post(away=3), list[float]()
    monkeypatch.setattr("orion.sdk.log_sender.time", SimpleNamespace(sleep=pauses.append))
    out = sender(post, batch_interval=0.01)
    out.add(record(), "first", RUN, None)
    eventually(lambda: post.batches)
    out.add(record(), "second", RUN, None)
    eventually(lambda: len(post.batches) == 2)
    assert [(line["message"], line["seq"]) for batch in post.batches for line in batch] == [
        ("first", 0),
        ("second", 1),
    ]
    assert len(pauses) == 3 and "1 log lines did not reach the API: away" in capsys.readouterr().err


@pytest.mark.row("LOG-03")
def test_a_line_that_the_api_refuses_does_not_hold_up_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    post = Post(refuse="poison")
    out = sender(post)
    for text in ("a", "poison", "b"):
        out.add(record(), text, RUN, None)
    assert out.flush(10)
    assert [line["message"] for batch in post.batches for line in batch] == ["a", "b"]
    assert "refused a log line" in capsys.readouterr().err


@pytest.mark.row("LOG-05")
def test_lines_stay_here_when_a_setting_or_the_record_says_so(client: SyncClient) -> None:
    @flow
    def run(text: str) -> None:
        get_run_logger().info(text)
        get_run_logger().info(text + " at home", extra={"send_to_api": False})

    run("sent")
    with temporary_settings({"ORION_LOGGING_TO_API_ENABLED": False}):
        from orion.sdk import session

        session.close_all()
        run("kept")
        session.close_all()
    texts = {line.message for line in client.read_logs()}
    assert "sent" in texts
    assert not texts & {"sent at home", "kept", "kept at home"}


@pytest.fixture
def default_logging() -> Iterator[None]:
    yield
    logs.set_up(again=True)


@pytest.mark.row("LOG-06")
def test_a_file_and_then_the_environment_override_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "logging.yml").write_text(
        "loggers:\n  orion.flow_runs:\n    level: DEBUG\n    handlers: [api]\n"
        "formatters:\n  simple:\n    format: mine\n"
    )
    settings = current().with_updates({"ORION_LOGGING_SETTINGS_PATH": str(tmp_path / "logging.yml")})
    environ = {
        "ORION_LOGGING_LOGGERS_ORION_TASK_RUNS_LEVEL": "WARNING",
        "ORION_LOGGING_FORMATTERS_SIMPLE_FORMAT": "theirs",
        "ORION_LOGGING_LOGGERS_ORION_HANDLERS": "console, api",
    }
    config = configuration(settings, environ)
    assert config["loggers"]["orion.flow_runs"] == {"level": "DEBUG", "handlers": ["api"], "propagate": False}
    assert config["loggers"]["orion.task_runs"]["level"] == "WARNING"
    assert config["loggers"]["orion"]["handlers"] == ["console", "api"]
    assert config["formatters"]["simple"]["format"] == "theirs"


def test_merging_and_overriding_leave_the_original_as_it_is() -> None:
    base = {"a": {"b": 1, "c": [1]}, "d": False}
    assert merge(base, {"a": {"b": 2}}) == {"a": {"b": 2, "c": [1]}, "d": False}
    assert override(base, {"X_A_B": "5", "X_A_C": "p,q", "X_D": "true"}, "X") == {
        "a": {"b": 5, "c": ["p", "q"]},
        "d": True,
    }
    assert base == {"a": {"b": 1, "c": [1]}, "d": False}


@pytest.mark.row("LOG-02")
@pytest.mark.row("LOG-07")
def test_a_line_of_an_extra_logger_inside_a_task_is_the_tasks(
    client: SyncClient, default_logging: None
) -> None:
    with temporary_settings({"ORION_LOGGING_EXTRA_LOGGERS": "a_library"}):
        logs.set_up(again=True)

        @task
        def step() -> None:
            logging.getLogger("a_library").info("inside")

        @flow
        def run() -> None:
            logging.getLogger("a_library").info("outside")
            step()

        run()
    found = {line.message: line for line in client.read_logs()}
    assert found["outside"].task_run_id is None and found["inside"].task_run_id is not None
    assert found["inside"].flow_run_id == found["outside"].flow_run_id is not None


@pytest.mark.row("LOG-07")
def test_lines_of_extra_loggers_go_to_the_run(client: SyncClient, default_logging: None) -> None:
    with temporary_settings({"ORION_LOGGING_EXTRA_LOGGERS": "a_library, another"}):
        logs.set_up(again=True)

        @flow
        def run() -> None:
            logging.getLogger("a_library.part").info("from the library")
            logging.getLogger("another").info("from another")
            logging.getLogger("unnamed_library").warning("not from this one")

        run()
    texts = {line.message: line.name for line in client.read_logs()}
    assert (texts["from the library"], texts["from another"]) == ("a_library.part", "another")
    assert "not from this one" not in texts


@pytest.mark.row("LOG-08")
def test_the_console_has_a_format_for_flow_runs_one_for_task_runs_and_json() -> None:
    config = configuration(current(), {})
    formats = {name: f.get("format", "") for name, f in config["formatters"].items()}
    assert "flow_run_name" in formats["flow_runs"] and "task_run_name" in formats["task_runs"]
    assert "%(name)s" in formats["simple"]
    used = {name: handler.get("formatter") for name, handler in config["handlers"].items()}
    assert (used["console"], used["console_flow_runs"], used["console_task_runs"]) == (
        "simple",
        "flow_runs",
        "task_runs",
    )
    with_json = configuration(current().with_updates({"ORION_LOGGING_FORMAT": "json"}), {})
    assert with_json["handlers"]["console_flow_runs"]["formatter"] == "json"


@pytest.mark.row("LOG-08")
def test_the_json_formatter_writes_one_object_a_line() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    made = record()
    made.msg, made.flow_run_name = "two\nlines", "brave-bee"
    handler.emit(made)
    told = json.loads(stream.getvalue())
    assert (told["message"], told["level"], told["flow_run_name"]) == ("two\nlines", "INFO", "brave-bee")
    try:
        raise ZeroDivisionError("by surprise")
    except ZeroDivisionError:
        made.exc_info = sys.exc_info()
    handler.emit(made)
    told = json.loads(stream.getvalue().splitlines()[1])
    assert told["exception"].startswith("Traceback") and "ZeroDivisionError: by surprise" in told["exception"]


@pytest.mark.row("LOG-04")
def test_the_last_line_of_a_process_arrives(tmp_path: Path) -> None:
    script = (
        "import orion\n@orion.flow\ndef run():\n    orion.get_run_logger().info('the last line')\nrun()\n"
    )
    home = {"ORION_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin"}
    subprocess.run([sys.executable, "-c", script], env=home, check=True, timeout=60, capture_output=True)
    with temporary_settings(
        {"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": f"sqlite:///{tmp_path}/orion.db"}
    ):
        from orion.sdk import ephemeral

        with SyncClient() as client:
            assert "the last line" in {line.message for line in client.read_logs()}
        ephemeral.unmount(current())
