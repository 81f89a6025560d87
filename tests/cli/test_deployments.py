"""`orion deployment`: from a flow in a file to a run, with clear words for what is wrong."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orion.cli.api import Api, api
from orion.cli.parameters import read_overrides, read_parameters, read_start
from orion.errors import Invalid
from tests.cli.conftest import Orion

# the tests of one process load a flow of this name from many folders
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*give one of them another name")

FLOW = '''
from pathlib import Path

from orion import flow


@flow
def report_sales(region: str, year: int = 2012):
    """Write the report of a region."""
    Path(__file__).with_name("report.txt").write_text(f"{region} {year + 1}")
    return year


if __name__ == "__main__":
    raise SystemExit("the main block was run")
'''


@pytest.fixture
def folder(orion: Orion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a flow in it."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "sales.py").write_text(FLOW)
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def server(orion: Orion) -> Iterator[Api]:
    with api() as opened:
        yield opened


@pytest.fixture
def deployed(orion: Orion, folder: Path) -> str:
    """The name of an applied deployment."""
    orion(
        "deployment",
        "build",
        "sales.py:report_sales",
        "-n",
        "nightly",
        "-q",
        "etl",
        "--param",
        "region=north",
        "-a",
    )
    return "report-sales/nightly"


@pytest.mark.row("CLI-08")
@pytest.mark.row("DEP-03")
def test_build_writes_a_manifest_and_a_file_to_edit(orion: Orion, folder: Path) -> None:
    said = orion(
        "deployment", "build", "sales.py:report_sales", "-n", "nightly", "-t", "a", "-t", "b", "--cron", "0 6 * * *",
        "--timezone", "Europe/Berlin", "--override", "env.MODE=fast", "-i", "kubernetes-job",
    ).out  # fmt: skip
    assert "deployment.yaml" in said
    manifest = json.loads((folder / "report-sales-manifest.json").read_text())
    assert set(manifest["parameter_openapi_schema"]["properties"]) == {"region", "year"}
    text = (folder / "deployment.yaml").read_text()
    assert "cron: 0 6 * * *" in text and "Europe/Berlin" in text and "MODE: fast" in text
    assert "tags:\n- a\n- b\n" in text and "type: kubernetes-job" in text
    assert not (folder / "report.txt").exists()


@pytest.mark.row("CLI-08")
def test_manifest_only_needs_no_name_and_writes_no_deployment_file(orion: Orion, folder: Path) -> None:
    orion("deployment", "build", "sales.py:report_sales", "--manifest-only")
    assert (folder / "report-sales-manifest.json").exists() and not (folder / "deployment.yaml").exists()


@pytest.mark.row("CLI-08")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("sales.py:report_sales",), "A deployment needs a name: -n NAME."),
        (("nope.py:f", "-n", "x"), "nope.py"),
        (("sales.py:nope", "-n", "x"), "nope"),
        (("broken.py:f", "-n", "x"), "broken.py"),
        (("sales.py:report_sales", "-n", "x", "-i", "docker"), "There is no infrastructure 'docker'"),
        (("sales.py:report_sales", "-n", "x", "--param", "yaer=1"), "no parameter 'yaer'; it has region, year."),
        (("sales.py:report_sales", "-n", "x", "--param", "year=soon"), "do not fit the flow 'report-sales': year"),
        (("sales.py:report_sales", "-n", "a/b"), "The name 'a/b' of a deployment"),
        (
            ("sales.py:report_sales", "-n", "x", "--cron", "0 6 * * *", "--interval", "5"),
            "do not go together",
        ),
        (("sales.py:report_sales", "-n", "x", "--params", "[1]"), "--params must be a JSON object"),
    ],
)
def test_what_cannot_be_built_is_said_in_a_line(
    orion: Orion, folder: Path, args: tuple[str, ...], message: str
) -> None:
    (folder / "broken.py").write_text("def f(:\n")
    answer = orion("deployment", "build", *args, code=1)
    assert message in answer.err and "Traceback" not in answer.err
    assert not (folder / "deployment.yaml").exists()


@pytest.mark.row("CLI-09")
@pytest.mark.row("DEP-02")
@pytest.mark.row("DEP-04")
def test_apply_makes_it_and_applying_again_updates_it(orion: Orion, folder: Path, server: Api) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "nightly", "--interval", "3600")
    applied = orion("deployment", "apply")
    assert "report-sales/nightly is applied" in applied.out
    assert applied.err.partition("Next:\n")[2].count("+00:00") == 10
    first = orion("deployment", "inspect", "report-sales/nightly", "--json").json
    file = folder / "deployment.yaml"
    file.write_text(file.read_text().replace("tags: []", "tags: [edited]"))
    orion("deployment", "apply", "deployment.yaml")
    second = orion("deployment", "inspect", "report-sales/nightly", "--json").json
    assert second["id"] == first["id"] and second["tags"] == ["edited"]
    assert second["manifest_path"] == "report-sales-manifest.json"
    assert "every 1:00:00" in orion("deployment", "ls").out
    planned = server.post("/flow_runs/filter", {"deployments": {"id": {"any_": [first["id"]]}}})
    assert len(planned) >= 3


@pytest.mark.row("CLI-09")
@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "There is no deployment file"), ("{", "is not YAML"), ("a: 1", "deployment.yaml: there is no field 'a'.")],
)
def test_a_file_that_cannot_be_applied_is_said_in_a_line(
    orion: Orion, folder: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (folder / "deployment.yaml").write_text(text)
    answer = orion("deployment", "apply", code=1)
    assert message in answer.err and answer.err.count("\n") == 1


FAULTS = {
    "tags: one": "tags: expected a list, got a text.",
    f"tags: [{'x' * 300}]": "tags[0]: expected a text of length <= 255.",
    'tags: ["a\\0b"]': "tags.0: a text may not hold the character NUL",
    "concurrency_limit: -1": "concurrency_limit: expected a whole number >= 0.",
    "overlap: never": "overlap: 'never' is none of allow, queue, skip, cancel-previous.",
    "parameters: {yaer: 5}": "parameters.yaer: the flow has no such parameter; it has region, year.",
    "job_variables: {env: [A=1]}": "job_variables.env: expected names with values",
    "job_variables: {env: {A: [1]}}": "job_variables.env.A: expected a text or a number",
    "job_variables: {working_dir: 5}": "job_variables.working_dir: expected the path",
    "schedule: {cron: x}": "schedule: Cron rule 'x' has 1 field",
    "work_queue_name: a/b": "work_queue_name: a name has none of / % & > < in it.",
    "infrastructure: nope": "The infrastructure 'nope' is no name of a block",
}


@pytest.mark.row("CLI-09")
def test_a_fault_in_an_edited_field_is_one_line_that_names_file_and_field(orion: Orion, folder: Path) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "one")
    text = (folder / "deployment.yaml").read_text()
    for edited, message in FAULTS.items():
        field = edited.partition(":")[0]
        changed, times = re.subn(rf"(?m)^{field}: .*$", lambda _, line=edited: line, text)  # type: ignore[misc]
        assert times == 1
        (folder / "deployment.yaml").write_text(changed)
        answer = orion("deployment", "apply", code=1)
        assert message in answer.err and answer.err.count("\n") == 1
        assert re.match(r"deployment\.yaml: deployment (report-sales/)?one: ", answer.err)


def test_a_parameter_that_does_not_fit_is_a_doubt_and_a_text_that_reads_as_a_number_is_none(
    orion: Orion, folder: Path
) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "one")
    text = (folder / "deployment.yaml").read_text()
    for value, doubt in (("'2024'", ""), ("soon", 'parameters.year: "soon" does not fit the flow: must be integer.')):
        (folder / "deployment.yaml").write_text(text.replace("parameters: {}", f"parameters: {{year: {value}}}"))
        answer = orion("deployment", "apply")
        assert doubt in answer.err and ("does not fit" in answer.err) is bool(doubt)


ASTRAY = (
    ("entrypoint", "sales.py:report", "there is no 'report' in {folder}/sales.py."),
    ("entrypoint", "gone.py:report_sales", "there is no file {folder}/gone.py on this machine"),
    ("path", "nowhere", "there is no folder {folder}/nowhere on this machine"),
    ("entrypoint", "sales.py", "it is not of the form path/to/file.py:flow."),
    ("entrypoint", "broken.py:report_sales", "{folder}/broken.py cannot be loaded: '(' was never closed"),
    ("entrypoint", "sales.py:report-sales", ""),  # the flow's own name will do as well
    ("entrypoint", "stars.py:report_sales", ""),
    ("entrypoint", "package.module:report", ""),
)


def test_an_entrypoint_that_leads_nowhere_is_told_when_it_is_applied(orion: Orion, folder: Path) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "one")
    text = (folder / "deployment.yaml").read_text()
    (folder / "broken.py").write_text("def report_sales(\n")
    (folder / "stars.py").write_text("from sales import *\n")
    for field, value, doubt in ASTRAY:
        (folder / "deployment.yaml").write_text(re.sub(rf"(?m)^{field}: .*$", f"{field}: {value}", text))
        told = orion("deployment", "apply").err
        said = f"deployment report-sales/one: entrypoint: {doubt.format(folder=folder)}"
        assert said in told if doubt else "entrypoint" not in told


def test_code_that_is_in_an_image_is_not_looked_for(orion: Orion, folder: Path) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "one", "-i", "docker-container")
    text = (folder / "deployment.yaml").read_text()
    (folder / "deployment.yaml").write_text(re.sub(r"(?m)^path: .*$", "path: /opt/flows", text))
    assert "entrypoint" not in orion("deployment", "apply").err


def test_a_file_with_another_deployment_is_put_aside_and_any_other_file_stays(orion: Orion, folder: Path) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "one")
    orion("deployment", "build", "sales.py:report_sales", "-n", "one", "-t", "again")
    told = orion("deployment", "build", "sales.py:report_sales", "-n", "two").err
    assert "deployment.yaml held report-sales/one, which is in deployment.yaml.bak now" in told
    assert "name: one" in (folder / "deployment.yaml.bak").read_text()
    refused = orion("deployment", "build", "sales.py:report_sales", "-n", "two", "-o", "sales.py", code=1)
    assert "sales.py is there and is no deployment file" in refused.err


def test_a_fault_in_one_file_is_named_before_another_is_applied(
    orion: Orion, folder: Path, server: Api
) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "good", "--param", "region=5")
    good = (folder / "deployment.yaml").read_text()
    assert "region: '5'" in good  # a text to the flow
    bad = good.replace("name: good", "name: bad").replace("schedule: null", "schedule: {cron: '0 0 31 2 *'}")
    (folder / "more.yaml").write_text(bad)
    answer = orion("deployment", "apply", "deployment.yaml", "more.yaml", code=1)
    assert "more.yaml: deployment report-sales/bad: schedule: Cron rule '0 0 31 2 *' has no time" in answer.err
    assert server.post("/deployments/filter") == []


@pytest.mark.row("CLI-09")
@pytest.mark.row("DEP-06")
def test_run_merges_parameters_and_tags_and_is_due_now(orion: Orion, deployed: str) -> None:
    run = orion("deployment", "run", deployed, "--param", "year=2020", "-t", "by-hand", "--json").json
    assert run["parameters"] == {"region": "north", "year": 2020}
    assert run["tags"] == ["by-hand"] and run["state_type"] == "SCHEDULED"
    assert datetime.fromisoformat(run["expected_start_time"]) <= datetime.now(UTC)
    answer = orion("deployment", "run", "nightly")
    assert "orion agent start -q etl" in answer.err and "Created run" in answer.out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--param", "year=soon"), "year must be integer"),
        (("--params", '{"region": 5}'), "region must be string"),
        (("--param", "yaer=2020"), "The flow has no parameter 'yaer'; it has region, year."),
    ],
)
def test_run_tells_what_does_not_fit_the_flow_before_a_run_is_made(
    orion: Orion, deployed: str, given: tuple[str, str], message: str
) -> None:
    answer = orion("deployment", "run", deployed, *given, code=1)
    assert message in answer.err and answer.err.count("\n") == 1
    assert orion("flow-run", "ls", "--json").json == []
    assert (
        orion("deployment", "run", deployed, *given, "--no-check", "--json").json["state_type"] == "SCHEDULED"
    )


def test_parameters_may_stand_in_a_file(orion: Orion, deployed: str, folder: Path) -> None:
    (folder / "p.json").write_text('{"year": 1999}')
    run = orion("deployment", "run", deployed, "--params", f"@{folder}/p.json", "--json").json
    assert run["parameters"]["year"] == 1999
    assert "gone.json cannot be read" in orion("deployment", "run", deployed, "--params", "@gone.json", code=1).err


def test_what_is_a_text_to_the_flow_stays_one(orion: Orion, deployed: str) -> None:
    run = orion("deployment", "run", deployed, "--param", "region=5", "--param", "year=5", "--json").json
    assert run["parameters"] == {"region": "5", "year": 5}


@pytest.mark.row("CLI-09")
def test_run_can_wait_for_its_time(orion: Orion, deployed: str) -> None:
    run = orion("deployment", "run", deployed, "--start-in", "20 minutes", "--json").json
    ahead = datetime.fromisoformat(run["expected_start_time"]) - datetime.now(UTC)
    assert timedelta(minutes=19) < ahead <= timedelta(minutes=20)


@pytest.mark.row("CLI-09")
@pytest.mark.row("DEP-07")
def test_execute_runs_it_here_without_an_agent(orion: Orion, deployed: str, folder: Path) -> None:
    answer = orion("deployment", "execute", deployed, "--param", "year=1999")
    assert answer.out.endswith("The flow ended as Completed.\n")
    assert (folder / "report.txt").read_text() == "north 2000"
    failed = orion("deployment", "execute", deployed, "--param", "year=soon", code=1)
    assert failed.out.endswith("The flow ended as Failed.\n")


@pytest.mark.row("CLI-09")
def test_deployments_are_found_by_name_and_id_and_listed_by_flow(orion: Orion, deployed: str) -> None:
    shown = orion("deployment", "inspect", deployed, "--json").json
    for args in ((shown["id"],), ("--id", shown["id"]), ("nightly",), (shown["id"][:-2],)):
        assert orion("deployment", "inspect", *args, "--json").json["id"] == shown["id"]
    orion("deployment", "build", "sales.py:report_sales", "-n", "zulu", "-o", "zulu.yaml", "-a")

    def listed(*options: str) -> list[str]:
        rows = orion("deployment", "ls", "--flow-name", "report-sales", *options).out.splitlines()
        return [row.split("\t")[0] for row in rows]

    assert listed() == ["report-sales/nightly", "report-sales/zulu"]
    assert listed("--by-created") == ["report-sales/zulu", "report-sales/nightly"]
    assert orion("deployment", "ls", "--flow-name", "other").out == ""
    run = orion("deployment", "run", "--id", shown["id"], "--json").json
    assert run["deployment_id"] == shown["id"]
    assert orion("deployment", "execute", "--id", shown["id"]).out.endswith("The flow ended as Completed.\n")
    orion("deployment", "delete", "--id", shown["id"])
    assert listed() == ["report-sales/zulu"]
    assert "Name a deployment" in orion("deployment", "inspect", code=1).err
    assert f"There is no deployment '{deployed}x'" in orion("deployment", "run", deployed + "x", code=1).err


@pytest.mark.row("CLI-09")
def test_pause_resume_and_delete(orion: Orion, folder: Path) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "hourly", "--interval", "3600", "-a")
    orion("deployment", "pause", "hourly")
    assert "(paused)" in orion("deployment", "ls").out
    orion("deployment", "resume", "hourly")
    assert "(paused)" not in orion("deployment", "ls").out
    orion("deployment", "delete", "report-sales/hourly")
    assert orion("deployment", "ls").out == ""


@pytest.mark.row("CLI-09")
def test_preview_shows_folder_command_and_environment(orion: Orion, folder: Path) -> None:
    orion("deployment", "build", "sales.py:report_sales", "-n", "x", "--override", "env.MODE=fast")
    said = orion("deployment", "preview", "deployment.yaml").out
    assert f"cd {folder}" in said and "MODE=fast" in said and f"{sys.executable} -m orion.engine" in said
    in_image = ("-i", "docker-container", "--override", "image=a:1")
    orion("deployment", "build", "sales.py:report_sales", "-n", "x", *in_image)
    said = orion("deployment", "preview", "deployment.yaml").out
    assert "# by docker-container, in the image a:1" in said and "  python -m orion.engine" in said


@pytest.mark.parametrize(
    ("pairs", "text", "expected"),
    [
        (["a=1", "b=x", 'c={"d": [1]}', "e="], None, {"a": 1, "b": "x", "c": {"d": [1]}, "e": ""}),
        (["a=2"], '{"a": 1, "b": null}', {"a": 2, "b": None}),
        (["a=x=y", "n=null", 's="1"'], None, {"a": "x=y", "n": None, "s": "1"}),
    ],
)
def test_parameters_are_json_or_text(pairs: list[str], text: str | None, expected: dict[str, Any]) -> None:
    assert read_parameters(pairs, text) == expected


def test_overrides_nest_at_dots_and_variables_of_the_environment_are_text() -> None:
    assert read_overrides(["env.N=1", "env.B=x", "working_dir=/x"]) == {
        "env": {"N": "1", "B": "x"},
        "working_dir": "/x",
    }


@pytest.mark.parametrize(
    ("start_in", "seconds"),
    [("30s", 30), ("20 minutes", 1200), ("1h 30m", 5400), ("1 day, 2 hours", 93600), ("0.5h", 1800)],
)
def test_spans_are_read_as_people_write_them(start_in: str, seconds: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert read_start(start_in, None, now) == now + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("start_in", "start_at"), [("soon", None), ("", "tomorrow"), ("1h", "2026-01-01"), ("5", None)]
)
def test_a_time_that_cannot_be_read_is_refused(start_in: str, start_at: str | None) -> None:
    with pytest.raises(Invalid):
        read_start(start_in, start_at, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_time_with_a_zone_becomes_utc() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert read_start(None, "2026-12-24T18:00+01:00", now) == datetime(2026, 12, 24, 17, tzinfo=UTC)


@pytest.mark.row("DEP-04")
def test_a_fault_in_one_file_is_found_before_the_first_is_applied(orion: Orion, folder: Path) -> None:
    for name in ("a", "b"):
        orion("deployment", "build", "sales.py:report_sales", "-n", name, "-o", f"{name}.yaml")
    text = (folder / "b.yaml").read_text()
    (folder / "b.yaml").write_text(text.replace("job_variables: {}", "job_variables: {env: [1]}"))
    refused = orion("deployment", "apply", "a.yaml", "b.yaml", code=1)
    assert "job_variables.env" in refused.err and "is applied" not in refused.out
    assert orion("deployment", "ls").out == ""


@pytest.mark.row("DEP-04")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-i", "docker-container"), True),
        (("-i", "kubernetes-job"), True),
        (("-i", "docker-container", "--override", "image=flows:1"), False),
        (("-i", "process"), False),
        ((), False),
    ],
)
def test_a_deployment_without_an_image_for_its_containers_is_told(
    orion: Orion, folder: Path, options: tuple[str, ...], told: bool
) -> None:
    applied = orion("deployment", "build", "sales.py:report_sales", "-n", "a", *options, "--apply")
    kind = options[1] if options else "process"
    said = f"job_variables: a {kind} needs an image: --override image=NAME.\n"
    assert (said in applied.err) is told and "is applied" in applied.out


@pytest.mark.row("DEP-04")
def test_many_files_are_applied_by_names_and_patterns(orion: Orion, folder: Path, server: Api) -> None:
    for name in ("a", "b", "c"):
        (folder / "more" / name).mkdir(parents=True)
        file = f"more/{name}/deployment.yaml"
        orion("deployment", "build", "sales.py:report_sales", "-n", name, "-o", file)
        (folder / file).write_text((folder / file).read_text().replace(f"path: {folder}", "path: ../.."))
    applied = orion("deployment", "apply", "more/**/*.yaml", "more/a/deployment.yaml").out
    assert [f"report-sales/{name} is applied" in applied for name in "abc"] == [True] * 3
    assert len(applied.splitlines()) == 3
    assert "No file fits" in orion("deployment", "apply", "none/*.yaml", code=None).err


def test_limits_and_policies_of_runs_go_from_the_command_line_to_the_server(
    orion: Orion, folder: Path, server: Api
) -> None:
    def built(name: str, *options: str) -> dict[str, Any]:
        orion("deployment", "build", "sales.py:report_sales", "-n", name, "--apply", *options)
        found: dict[str, Any] = server.get(f"/deployments/name/report-sales/{name}")
        return found

    limited = built("a", "--concurrency-limit", "3", "--collision-strategy", "CANCEL_NEW", "--catchup", "all")
    assert (limited["concurrency_limit"], limited["labels"]) == (3, {"orion.catchup": "all"})
    assert limited["concurrency_options"] == {"collision_strategy": "CANCEL_NEW"}
    queued = built("b", "--overlap", "queue")
    assert (queued["concurrency_limit"], queued["concurrency_options"]) == (
        1,
        {"collision_strategy": "ENQUEUE"},
    )
    replacing = built("d", "--overlap", "cancel-previous")
    assert (replacing["concurrency_limit"], replacing["concurrency_options"]["overlap"]) == (1, "CANCEL_OLD")
    wrong = ("deployment", "build", "sales.py:report_sales", "-n", "c", "--apply")
    assert "allow, queue, skip" in orion(*wrong, "--overlap", "never", code=None).err
    assert (
        "either an overlap" in orion(*wrong, "--overlap", "skip", "--concurrency-limit", "2", code=None).err
    )
