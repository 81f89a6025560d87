"""Loading flows: from files, text and modules; clear errors; nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from orion import load_flow_from_entrypoint, load_flow_from_script, load_flow_from_text, select_flow
from orion.sdk.errors import MissingFlow, ScriptError, UnspecifiedFlow

HEAD = "from orion import flow\n"


def script(folder: Path, body: str, name: str = "flows.py") -> Path:
    path = folder / name
    path.write_text(HEAD + body)
    return path


@pytest.mark.row("SDK-29")
def test_a_flow_is_found_by_its_name_or_its_functions_name(tmp_path: Path) -> None:
    path = script(tmp_path, "@flow\ndef load_all(): return 1\n@flow(name='Two')\ndef two(): ...\n")
    assert load_flow_from_script(path, "load-all").fn() == 1
    assert load_flow_from_entrypoint(f"{path}:load_all").name == "load-all"
    assert load_flow_from_entrypoint(f"{path}:Two").fn.__name__ == "two"


@pytest.mark.row("SDK-29")
def test_text_and_modules_work_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_flow_from_text(HEAD + "@flow\ndef only(): return 2\n").fn() == 2
    script(tmp_path, "@flow\ndef inside(): return 3\n", "orion_test_module_of_flows.py")
    monkeypatch.chdir(tmp_path)
    assert load_flow_from_entrypoint("orion_test_module_of_flows:inside").fn() == 3


@pytest.mark.row("SDK-29")
@pytest.mark.parametrize(
    ("body", "name", "error", "says"),
    [
        ("x = 1\n", None, MissingFlow, "There are no flows in .*flows.py"),
        ("@flow\ndef a(): ...\n", "b", MissingFlow, "There is no flow 'b' in .*flows.py; it has 'a'"),
        ("@flow\ndef a(): ...\n@flow\ndef b(): ...\n", None, UnspecifiedFlow, "several flows in .*'a', 'b'"),
        ("def broken(:\n", None, ScriptError, r"flows.py:2: invalid syntax"),
        ("import no_such_module\n", None, ScriptError, "No module named 'no_such_module'"),
        ("1 / 0\n", None, ScriptError, "line 2, in <module>"),
        ("raise SystemExit(3)\n", None, ScriptError, "SystemExit: 3"),
    ],
)
def test_every_way_to_fail_has_its_own_words(
    tmp_path: Path, body: str, name: str | None, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        load_flow_from_script(script(tmp_path, body), name)


def test_a_missing_file_and_a_bad_entrypoint_say_so(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="There is no file .*nowhere.py"):
        load_flow_from_entrypoint(f"{tmp_path}/nowhere.py:f")
    with pytest.raises(ScriptError, match="must be of the form"):
        load_flow_from_entrypoint("nothing")
    with pytest.raises(MissingFlow, match="There are no flows in the basket"):
        select_flow([], source="the basket")


@pytest.mark.row("SDK-30")
def test_loading_runs_neither_the_main_block_nor_flows_called_at_import(
    tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = "ran = []\n@flow\ndef noisy(): ran.append(1)\nnoisy()\nif __name__ == '__main__':\n    ran.append(2)\n"
    loaded = load_flow_from_script(script(tmp_path, body))
    assert loaded.fn.__globals__["ran"] == []
    loaded()
    assert loaded.fn.__globals__["ran"] == [1]


def test_what_a_script_defines_can_be_pickled_and_hints_of_its_classes_are_found(
    tmp_path: Path, home: Path
) -> None:
    body = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom datetime import date\n"
        "@dataclass\nclass Row:\n    day: date\n"
        "@flow\ndef f(row: Row) -> object:\n    return [row] * 1000\n"
    )
    path = tmp_path / "flows.py"
    path.write_text(
        "from __future__ import annotations\n"
        + HEAD
        + body.replace("from __future__ import annotations\n", "")
    )
    loaded = load_flow_from_script(path)
    state = loaded({"day": "2020-01-02"}, return_state=True)
    assert state.is_completed()
    from orion.sdk.states import State

    fetched = State(**{name: getattr(state, name) for name in State.__struct_fields__})
    assert fetched.result()[0].day.year == 2020


@pytest.mark.row("STO-06")
@pytest.mark.parametrize("package", [True, False])
def test_relative_imports_count_from_the_folder_of_the_script(tmp_path: Path, package: bool) -> None:
    from orion.sdk import pickling

    (folder := tmp_path / f"pack_{package}").mkdir()
    (folder / "names.py").write_text("class Row:\n    value = 7\n")
    (folder / f"beside_{package}.py").write_text("value = 7\n")
    (folder / "main.py").write_text(
        f"from orion import flow\nfrom .names import Row\nimport beside_{package} as beside\n\n"
        "@flow\ndef main():\n    assert beside.value == 7\n    return Row\n"
    )
    if package:
        (folder / "__init__.py").touch()
    row = load_flow_from_script(folder / "main.py", "main").fn()
    assert row.value == 7
    assert package or b"orion_folder" in pickling.dumps(row)
    assert pickling.loads(pickling.dumps(row)).value == 7
