"""Results in storages: as the author wants them, shared, checked, and never from where a state alone points."""

from __future__ import annotations

import json
import pickle
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orion import flow, task
from orion.blocks import S3, LocalFileSystem
from orion.errors import Invalid
from orion.sdk import result_storage, results, serializers, session
from orion.sdk.client import SyncClient
from orion.sdk.errors import MissingResult
from orion.sdk.result_options import keeping
from orion.settings import temporary_settings
from tests.blocks.stores import let_go


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    """Nothing is configured on this side."""
    yield
    result_storage._configured.clear()
    result_storage._loaded.clear()


def kept(value: Any, **options: Any) -> dict[str, Any]:
    named = ("persist_result", "result_storage", "result_serializer", "result_storage_key")
    stored = results.store(value, keeping(*[options.get(name) for name in named]))
    if stored.blob:
        stored.blob.write()
    return stored.data


@pytest.mark.row("STO-09")
@pytest.mark.parametrize(
    ("serializer", "value", "read"),
    [
        ("json", {"a": [1]}, json.loads),
        ("compressed/json", {"a": [1]}, lambda content: json.loads(zlib.decompress(content))),
        ("pickle", {1, 2}, pickle.loads),
        ("compressed/pickle", {1, 2}, lambda content: pickle.loads(zlib.decompress(content))),
        ("text", "grüß", bytes.decode),
    ],
)
def test_a_result_is_written_as_its_author_wants(
    serializer: str, value: Any, read: Any, tmp_path: Path
) -> None:
    data = kept(value, result_serializer=serializer, result_storage=tmp_path)
    assert data["serializer_type"] == serializer
    assert read((tmp_path / data["storage_key"]).read_bytes()) == value == results.load(data)


def test_what_a_serializer_cannot_write_is_not_stored_and_says_why(tmp_path: Path) -> None:
    data = kept({1, object()}, result_serializer="json", result_storage=tmp_path)
    assert data["type"] == "unpersisted" and "cannot be written as json" in data["artifact_description"]
    error = kept(ValueError("x"), result_serializer="json", result_storage=tmp_path)
    assert error["serializer_type"] == "pickle"
    with pytest.raises(Invalid, match="no result serializer 'xml'; there is: pickle, json, text"):
        task(result_serializer="xml")(print)


def test_a_serializer_of_ones_own_is_known_by_its_type(tmp_path: Path) -> None:
    class Upper(serializers.Serializer):
        type = "upper"

        def dumps(self, value: Any) -> bytes:
            return str(value).upper().encode()

        def loads(self, content: bytes) -> Any:
            return content.decode()

    data = kept("abc", result_serializer=Upper(), result_storage=tmp_path)
    assert data["serializer_type"] == "upper" and results.load(data) == "ABC"
    del serializers._KNOWN["upper"]
    with pytest.raises(MissingResult, match="no result serializer 'upper'"):
        results.load(data)


def test_a_state_cannot_name_a_storage_that_this_side_does_not_use(tmp_path: Path) -> None:
    data = kept(list(range(5000)), result_storage=tmp_path)
    result_storage._configured.clear()
    for label in (data["storage"], "s3/evil", "https://evil/x", "file:///etc"):
        with pytest.raises(MissingResult, match="not one that this program uses.*ORION_RESULTS_TRUSTED"):
            results.load({**data, "storage": label}, "the run")
    with temporary_settings({"ORION_RESULTS_TRUSTED": f"s3/x, {tmp_path}"}):
        assert results.load(data) == list(range(5000))


def test_a_key_cannot_lead_out_of_a_storage(tmp_path: Path) -> None:
    data = kept("x", result_storage=tmp_path / "in", persist_result=True)
    (tmp_path / "secret").write_bytes(pickle.dumps(1))
    with pytest.raises(MissingResult, match="leads out"):
        results.load({**data, "storage_key": "../secret"})
    with pytest.raises(Invalid, match="is a URL: save a block"):
        keeping(None, "s3://bucket/x", None, None)


@pytest.mark.parametrize("harm", ["remove", "cut", "change"])
def test_a_missing_or_changed_file_elsewhere_is_told_with_path_and_run(tmp_path: Path, harm: str) -> None:
    data = kept(list(range(5000)), result_storage=tmp_path)
    file = tmp_path / data["storage_key"]
    content = file.read_bytes()
    file.unlink() if harm == "remove" else file.write_bytes(content[:-1] + b"?" * (harm == "change"))
    with pytest.raises(MissingResult, match=rf"the run .*{data['storage_key']} in folder:{tmp_path}"):
        results.load(data, "the run")


def test_flows_and_tasks_say_where_and_under_which_name(client: SyncClient, tmp_path: Path) -> None:
    block = LocalFileSystem(basepath=str(tmp_path / "block"))
    block.save("main")

    @task(result_storage_key="{flow_run.name}/{parameters[day]}.json", result_serializer="json")
    def report(day: str) -> dict[str, str]:
        return {"day": day}

    @task(persist_result=False)
    def secret() -> str:
        return "do not keep"

    @task(result_storage=tmp_path / "own", result_storage_key="{nothing}")
    def odd() -> int:
        return 1

    @flow(result_storage="local-file-system/main", flow_run_name="weekly")
    def main() -> Any:
        return [report("monday", return_state=True), secret(return_state=True), odd(return_state=True)]

    assert main() == [{"day": "monday"}, "do not keep", 1]
    assert json.loads((tmp_path / "block" / "weekly" / "monday.json").read_bytes()) == {"day": "monday"}
    assert len(list((tmp_path / "own").iterdir())) == 1  # the name could not be made, so it has another
    runs = {run.task_key.rpartition("-")[0]: run for run in client.read_task_runs()}
    assert runs["report"].state.result() == {"day": "monday"} and runs["odd"].state.result() == 1
    with pytest.raises(MissingResult, match="persist_result=False"):
        runs["secret"].state.result()


@contextmanager
def refusing() -> Iterator[str]:
    """A store that speaks like S3 and lets nobody write; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        let_go()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_storage_that_refuses_does_not_fail_a_run_and_its_states_and_logs_say_so(
    client: SyncClient, tmp_path: Path, kind: str
) -> None:
    """The work is done and its value is in use; but nobody is told of a file that is not there."""
    calls = []
    (tmp_path / "file").write_text("no folder")
    with refusing() as url:
        s3 = S3(bucket_path="b", aws_access_key_id="k", aws_secret_access_key="canary", endpoint_url=url)
        place: Any = tmp_path / "file" if kind == "folder" else s3

        @task(persist_result=True, cache_key_fn=lambda context, arguments: kind)
        def work() -> int:
            calls.append(1)
            return 5

        @flow(result_storage=place)
        def main() -> int:
            return work() + work()

        state = main(return_state=True)
        assert state.is_completed() and state.result() == 10 and len(calls) == 2
        session.close_all()
        lines = client.read_logs()
        for run in [*client.read_flow_runs(), *client.read_task_runs()]:
            assert run.state.type == "COMPLETED" and "The result could not be written" in run.state.message
            assert {"folder": "file", "s3": "Access Denied"}[kind] in run.state.message
            with pytest.raises(MissingResult, match="could not be written"):
                run.state.result()
            own = [line.message for line in lines if run.id in (line.task_run_id or line.flow_run_id)]
            assert any("The result cannot be stored" in message for message in own), run.name
        assert "canary" not in repr(lines)


def test_a_cache_takes_a_result_that_is_gone_or_changed_for_a_miss(home: Path, tmp_path: Path) -> None:
    calls = []

    @task(cache_key_fn=lambda context, arguments: "one", result_storage=tmp_path / "shared")
    def slow() -> list[int]:
        calls.append(1)
        return list(range(500))

    @flow
    def main() -> str:
        return slow(return_state=True).name

    assert [main(), main()] == ["Completed", "Cached"]
    (file,) = (tmp_path / "shared").iterdir()
    file.write_bytes(b"changed")
    assert [main(), main(), len(calls)] == ["Completed", "Cached", 2]


def test_the_settings_name_a_storage_for_all(client: SyncClient, tmp_path: Path) -> None:
    @flow
    def main() -> list[int]:
        return list(range(3000))

    shared = {"ORION_RESULTS_STORAGE": str(tmp_path / "all"), "ORION_RESULTS_SERIALIZER": "compressed/json"}
    with temporary_settings(shared):
        main()
        (run,) = client.read_flow_runs()
        result_storage._configured.clear()  # another program
        assert run.state.result() == list(range(3000))
    (file,) = (tmp_path / "all").iterdir()
    assert json.loads(zlib.decompress(file.read_bytes())) == list(range(3000))
