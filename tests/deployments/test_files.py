"""Deployment files: built from code, read by people, edited, and read again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import FR, WEEKLY, rrule, rruleset

from orion.deployments import build, read_file, write_file, write_manifest
from orion.errors import Invalid, NotFound, OrionError
from orion.model.schedule_times import next_times
from orion.model.schedules import from_dict

pytestmark = pytest.mark.filterwarnings(
    "ignore:The flow .daily weather"
)  # every test has its own copy of the file


@pytest.mark.row("DEP-03")
@pytest.mark.row("DEP-05")
def test_a_deployment_is_built_from_the_signature_of_its_flow(code: Path) -> None:
    built = build(
        f"{code}/flows.py:weather", name="nightly", tags=["etl"], cron="0 6 * * *", timezone="Europe/Berlin"
    )
    assert (built.flow_name, built.version, built.description) == (
        "daily weather",
        "7",
        "What the weather was.",
    )
    assert (built.path, built.entrypoint) == (str(code), "flows.py:weather")
    assert built.schedule == {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    properties = built.parameter_openapi_schema["properties"]
    assert list(properties) == ["station", "day", "years", "dry_run"]
    assert built.parameter_openapi_schema["required"] == ["station"]
    assert (properties["day"]["format"], properties["day"]["default"]) == ("date", "2012-01-01")


@pytest.mark.row("DEP-03")
def test_a_file_that_is_written_reads_back_the_same(code: Path) -> None:
    built = build(
        f"{code}/flows.py:weather", interval=3600, parameters={"station": "Seattle"}, tags=["a: b", "#c"]
    )
    manifest = write_manifest(built, code)
    write_file(built, code / "deployment.yaml")
    assert read_file(code / "deployment.yaml") == [built]
    assert manifest.name == "daily weather-manifest.json"
    assert json.loads(manifest.read_text())["import_path"] == "flows.py:weather"


@pytest.mark.row("DEP-03")
def test_a_description_of_several_lines_is_written_as_such(code: Path) -> None:
    built = build(f"{code}/flows.py:weather", description="Loads *things*.\n\nEvery day: all of them.")
    write_file(built, code / "deployment.yaml")
    text = (code / "deployment.yaml").read_text()
    assert "description: |-\n  Loads *things*.\n\n  Every day: all of them.\n" in text
    assert read_file(code / "deployment.yaml") == [built]


@pytest.mark.row("DEP-03")
def test_a_file_says_what_each_field_is_for(code: Path) -> None:
    write_file(build(f"{code}/flows.py:weather"), code / "deployment.yaml")
    text = (code / "deployment.yaml").read_text()
    assert text.startswith("# A deployment of the flow 'daily weather'.")
    for field in ("parameters", "schedule", "catchup", "work_queue_name", "job_variables"):
        above = text.splitlines()[[line.split(":")[0] for line in text.splitlines()].index(field) - 1]
        assert above.startswith("# "), field
    upper, lower = text.split("# Made from the code: `orion deployment build` writes the rest anew.\n")
    assert "\nparameters:" in upper and "\nparameter_openapi_schema:" in f"\n{lower}"


def test_a_file_holds_several_deployments_and_counts_paths_from_its_own_folder(code: Path) -> None:
    (code / "two.yaml").write_text(
        "name: hourly\npath: .\nentrypoint: flows.py:weather\nschedule: {interval: 3600}\n"
        "---\nname: by-hand\npath: sub\nentrypoint: flows.py:weather\n"
    )
    first, second = read_file(code / "two.yaml")
    assert (first.name, first.path, second.path) == ("hourly", str(code), str(code / "sub"))
    assert (first.schedule, second.schedule) == ({"interval": 3600}, None)


def test_a_date_in_yaml_becomes_a_date_in_json(code: Path) -> None:
    (code / "d.yaml").write_text("name: x\nentrypoint: flows.py:weather\nparameters: {day: 2012-05-01}\n")
    assert read_file(code / "d.yaml")[0].parameters == {"day": "2012-05-01"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: [", "is not YAML"),
        ("", "holds no deployment"),
        ("name: x", "missing required field 'entrypoint'"),
        ("name: x\nentrypoint: f.py:f\nshedule: {interval: 5}", "there is no field 'shedule'"),
        ("name: 7\nentrypoint: f.py:f", "deployment 7: name: expected a text, got a whole number"),
        ("name: x\nentrypoint: f.py:f\ncatchup: some", "catchup: 'some' is none of all, latest, none"),
        ("- a list", "Expected names with values, got a list"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_a_file_that_describes_no_deployment_is_refused(code: Path, text: str, reason: str) -> None:
    (code / "bad.yaml").write_text(text)
    with pytest.raises(Invalid, match=reason) as refused:
        read_file(code / "bad.yaml")
    assert "bad.yaml" in refused.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no deployment file .*deployment\.yaml"):
        read_file(tmp_path / "deployment.yaml")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"cron": "@daily", "interval": 60}, "cron and interval do not go together"),
        ({"anchor_date": "2026-01-01"}, "anchor date belongs to an interval"),
        ({"cron": "xx"}, "has 1 field"),
        ({"interval": 60, "timezone": "Europe/Atlantis"}, "Atlantis"),
        ({"timezone": "Europe/Oslo"}, "belongs to a cron line"),
        ({"interval": 0}, "a number of seconds above 0, not 0"),
        ({"rrule": rruleset()}, "write a set of rules as a text"),
        ({"parameters": {"stationn": "x"}}, "no parameter named 'stationn'"),
    ],
)
def test_options_that_make_no_sense_are_refused(code: Path, options: dict[str, object], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        build(f"{code}/flows.py:weather", **options)  # type: ignore[arg-type]


@pytest.mark.row("SCH-03")
@pytest.mark.parametrize(
    ("zone", "first"),
    [
        (None, "DTSTART:20260102T090000"),
        (UTC, "DTSTART:20260102T090000Z"),
        (ZoneInfo("Europe/Oslo"), "DTSTART;TZID=Europe/Oslo:20260102T090000"),
    ],
)
def test_a_rule_may_be_an_object_and_keeps_the_zone_of_its_start(
    code: Path, zone: tzinfo | None, first: str
) -> None:
    start = datetime(2026, 1, 2, 9, tzinfo=zone)
    rule = rrule(WEEKLY, dtstart=start, byweekday=FR)
    built = build(f"{code}/flows.py:weather", rrule=rule)
    assert built.schedule == {"rrule": f"{first}\nRRULE:FREQ=WEEKLY;BYDAY=FR"}
    times = next_times(from_dict(built.schedule), datetime(2026, 6, 1, tzinfo=UTC), 2)
    local = start.tzinfo or UTC
    assert [time.astimezone(local).hour for time in times] == [9, 9]


@pytest.mark.parametrize("entrypoint", ["flows.py:nothing", "missing.py:weather", "flows.py"])
def test_an_entrypoint_that_leads_nowhere_is_refused(code: Path, entrypoint: str) -> None:
    with pytest.raises(OrionError):
        build(f"{code}/{entrypoint}")


@pytest.mark.parametrize(
    "own",
    [
        "infra_overrides: {}\nentrypoint: etl.py:log_flow\n",  # from 2.1 on
        "infrastructure: {type: process}\nentrypoint: etl.py:log_flow\n",
        "storage: {basepath: /tmp, _block_type_slug: local-file-system}\n",  # of 2.0
    ],
)
def test_a_deployment_file_of_prefect_is_called_that_and_how_to_make_it_anew_is_said(
    tmp_path: Path, own: str
) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text(f"name: nightly\nflow_name: log-flow\n{own}")
    with pytest.raises(Invalid) as refused:
        read_file(path)
    code = "etl.py:log_flow" if "entrypoint" in own else "FILE.py:FLOW"
    assert str(refused.value).startswith(f"{path} was made by Prefect. Make it anew from the code: ")
    assert f"orion deployment build {code} -n nightly; what" in str(refused.value)
