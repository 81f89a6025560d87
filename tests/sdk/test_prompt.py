"""What stands at the prompt when a script ends by an exception: a line, or the user's own frames."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orion import flow, task
from orion.errors import DatabaseCorrupt, SettingError
from orion.sdk import prompt
from orion.sdk.errors import ApiError, CancelRequested, TaskOutsideFlow, Unreachable
from orion.settings import temporary_settings

ROOT = Path(__file__).parents[2]


def shown(error: BaseException, capsys: pytest.CaptureFixture[str]) -> str:
    try:
        raise error
    except BaseException as raised:
        prompt.show(type(raised), raised, raised.__traceback__)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (Unreachable("The API at x cannot be reached."), "The API at x cannot be reached."),
        (ApiError("401: a key is needed.", status=401), "401: a key is needed."),
        (DatabaseCorrupt("o.db is damaged."), "o.db is damaged."),
        (SettingError("ORION_PORT must be a whole number."), "ORION_PORT must be a whole number."),
        (KeyboardInterrupt(), "Interrupted (Ctrl+C)."),
        (CancelRequested(), "The flow run was cancelled."),
    ],
)
def test_what_is_no_fault_of_the_code_is_one_line(
    error: BaseException, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(error, capsys) == f"{line}\n"


def test_a_bad_parameter_names_the_line_that_gave_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @flow
    def counted(n: int) -> None: ...

    for bad in (lambda: counted("seven"), lambda: counted()):
        with pytest.raises(TypeError) as raised:
            bad()
        capsys.readouterr()
        prompt.show(raised.type, raised.value, raised.tb)
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"test_prompt.py, line {bad.__code__.co_firstlineno}: " in said


def test_an_exception_of_the_users_code_keeps_their_frames_and_no_others(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @task
    def divide(n: int) -> float:
        return 1 / n

    @flow
    def outer() -> None:
        try:
            divide(0)
        except ZeroDivisionError as error:
            raise ValueError("no sum") from error

    with pytest.raises(ValueError) as raised:
        outer()
    capsys.readouterr()
    prompt.show(raised.type, raised.value, raised.tb)
    said = capsys.readouterr().err
    assert "return 1 / n" in said and "divide(0)" in said and said.endswith("ValueError: no sum\n")
    assert f"{os.sep}sdk{os.sep}" not in said.replace(__file__, "")


def test_a_fault_in_the_code_shows_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    @task
    def alone() -> None: ...

    with pytest.raises(TaskOutsideFlow) as raised:
        alone()
    prompt.show(raised.type, raised.value, raised.tb)
    said = capsys.readouterr().err
    assert "    alone()\n" in said and "calling.py" not in said


def test_debug_mode_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings({"ORION_DEBUG_MODE": True}):
        assert "Traceback" in shown(Unreachable(), capsys)


def test_a_hook_of_somebody_else_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(*_: object) -> None: ...

    monkeypatch.setattr(sys, "excepthook", theirs)
    prompt.tidy()
    assert sys.excepthook is theirs


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"ORION_API_URL": "htp:/nowhere"}, "must be like http://127.0.0.1:4200/api"),
        ({"ORION_LOGGING_LEVEL": "loud"}, "ORION_LOGGING_LEVEL must be one of"),
        ({"ORION_LOGGING_HANDLERS_CONSOLE_CLASS": "no.such.Handler"}, "The logging configuration cannot be used"),
        ({"ORION_DATABASE_URL": f"sqlite:///{ROOT}"}, "cannot be opened"),
    ],
)  # fmt: skip
def test_a_script_with_bad_surroundings_ends_with_one_line(
    tmp_path: Path, environ: dict[str, str], says: str
) -> None:
    script = "from orion import flow\n@flow\ndef f(): ...\nf()\n"
    base = {"ORION_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**base, **environ}, timeout=60, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert says in done.stderr
