"""A canary among the secrets is nowhere to be found: not in the database, the API, a page or a log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from orion import flow, get_run_logger, task
from orion.blocks import Block, Secret, SecretDict, SecretStr, redaction
from orion.cli.root import run
from orion.sdk.client import SyncClient
from orion.sdk.logs import JsonFormatter, RunFormatter, set_up
from orion.sdk.session import close_all
from orion.settings import current
from orion.vault import KEY_FILE, MissingKey, WrongKey

CANARY = "canary-7f31c9"


class Vaulted(Block):
    name: str
    token: SecretStr
    more: SecretDict


class Holder(Block):
    inner: Vaulted


def everything_stored(home: Path) -> bytes:
    """The bytes of the database and its WAL, and of the home but for its key and the results of runs."""
    url = str(current().database_url)
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        found = [path, *path.parent.glob(f"{path.name}-wal"), *(f for f in home.rglob("*") if f.is_file())]
        return b"".join(
            file.read_bytes()
            for file in found
            if not file.is_relative_to(home / "storage") and file.name != KEY_FILE
        )
    import psycopg

    with psycopg.connect(url) as raw:
        tables = raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [raw.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables]
    return repr(rows).encode()


@pytest.mark.row("BLK-04")
@pytest.mark.row("BLK-05")
def test_the_canary_is_not_in_the_database_the_api_or_the_logs(
    client: SyncClient, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up(again=True)  # the console of this test
    block = Vaulted(name="seen-name", token=CANARY, more={"key": CANARY})
    block.save("vault")
    Holder(inner=block).save("linked")
    Holder(inner=Vaulted(name="x", token=CANARY, more={"k": CANARY})).save("copied")
    Secret(value={"deep": [CANARY]}).save("deep")

    @task
    def use() -> None:
        get_run_logger().info("the token is %s", Vaulted.load("vault").token.get_secret_value())
        print(f"https://me:{CANARY}@host/ Authorization: Bearer {CANARY}")

    @flow(log_prints=True)
    def leaky() -> None:
        use()
        raise ValueError(f"it failed with {CANARY}")

    with pytest.raises(ValueError):
        leaky()
    close_all()
    shown = [client.read_block_document(row.id) for row in client.read_block_documents()]
    lists = (
        client.read_block_documents(),
        client.read_logs(),
        client.read_flow_runs(),
        client.read_task_runs(),
    )
    said = capfd.readouterr()
    assert CANARY not in repr((shown, lists)) + said.out + said.err + repr((block, str(block.token)))
    assert any("the token is ********" in line.message for line in client.read_logs())
    assert CANARY.encode() not in everything_stored(home)
    assert b"seen-name" not in everything_stored(home)
    assert client.read_block_documents(include_secrets=True)[0].data != shown[0].data


@pytest.mark.row("BLK-05")
def test_a_refused_body_does_not_repeat_a_secret(client: SyncClient) -> None:
    body = {"name": "Bad Name", "data": {"token": CANARY}, "block_schema_id": "x", "block_type_id": "y"}
    with pytest.raises(Exception, match="422") as error:
        client._post("/block_documents/", body)
    assert CANARY not in str(error.value) + getattr(error.value, "body", "")


@pytest.mark.row("LOG-08")
def test_records_and_formats_are_redacted_before_they_leave() -> None:
    SecretStr("s3cret-value")
    record = logging.LogRecord("x", logging.INFO, "f", 1, "it is %s", ("s3cret-value",), None)
    for formatter in (RunFormatter("%(message)s"), JsonFormatter()):
        assert "s3cret-value" not in formatter.format(record)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("postgresql://me:hunter22@db/x", "postgresql://me:********@db/x"),
        ("Authorization: Bearer abcdef123", "Authorization: Bearer ********"),
        ("http://host/a@b", "http://host/a@b"),
        ("nothing to see", "nothing to see"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_too(text: str, redacted: str) -> None:
    assert redaction.redact(text) == redacted


@pytest.mark.row("BLK-04")
def test_a_new_key_opens_everything_and_the_old_one_nothing_new(
    client: SyncClient, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Secret(value=CANARY).save("one")
    before = (home / KEY_FILE).read_text()
    assert client.rotate_key() == {"documents": 1, "key": KEY_FILE}
    assert Secret.load("one").get() == CANARY
    assert oct((home / KEY_FILE).stat().st_mode & 0o777) == "0o600"
    new, old = (home / KEY_FILE).read_text().split()
    assert old == before and new != old
    (home / KEY_FILE).write_text(old)
    with pytest.raises(Exception, match="500.*ORION_ENCRYPTION_KEY"):
        Secret.load("one")
    (home / KEY_FILE).unlink()
    for attempt in (lambda: Secret.load("one"), lambda: Secret(value="x").save("two")):
        with pytest.raises(Exception, match=f"500.*{KEY_FILE}"):
            attempt()
    assert not (home / KEY_FILE).exists(), "no new key hides that the old one is lost"
    assert issubclass(MissingKey, WrongKey)


def test_the_command_says_how_many_blocks_it_encrypted(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Secret(value=CANARY).save("one")
    assert run(["block", "rotate-key"]) == 0
    assert "Encrypted 1 block with" in capsys.readouterr().out
