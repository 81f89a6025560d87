"""One contract for every file system: what is written is read, whole, and nothing leads out of the base."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orion.blocks import GCS, S3, SMB, Azure, FileSystem, LocalFileSystem, RemoteFileSystem
from orion.blocks.filesystem import MissingDriver, StorageError
from orion.blocks.paths import PathOutside, ignoring, key
from orion.errors import Invalid
from tests.blocks.stores import (
    Cut,
    azure_server,
    forgetful,
    gcs_server,
    make_bucket,
    s3_server,
    sftp_server,
    smb_server,
)

HOUSE = Path(__file__).parent.parent.parent
MB = 1024 * 1024


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        make_bucket(url)
        yield url


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with sftp_server(tmp_path_factory.mktemp("sftp")) as port:
        yield port


@pytest.fixture(scope="module")
def smb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with smb_server(tmp_path_factory.mktemp("smb")) as port:
        yield port


@pytest.fixture(scope="module")
def gcs() -> Iterator[str]:
    with gcs_server() as url:
        yield url


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azure_server(tmp_path_factory.mktemp("azure")) as by:
        yield by


def in_s3(url: str, **more: Any) -> S3:
    """A place of its own in the bucket."""
    return S3(
        bucket_path=f"bucket/{uuid.uuid4().hex}",
        aws_access_key_id="key",
        aws_secret_access_key="canary-secret",
        endpoint_url=url,
        **more,
    )


def in_sftp(port: int) -> RemoteFileSystem:
    who = {"port": port, "username": "user", "password": "word", "allow_agent": False, "look_for_keys": False}
    return RemoteFileSystem(basepath=f"sftp://127.0.0.1/{uuid.uuid4().hex}", settings=who)


def in_smb(port: int) -> SMB:
    who = {"smb_username": "root", "smb_password": "word", "smb_port": port}
    return SMB(smb_host="127.0.0.1", share_path=f"share/{uuid.uuid4().hex}", **who)


@pytest.fixture(params=["local", "memory", "s3", "sftp", "smb", "gcs", "azure"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileSystem:
    own = uuid.uuid4().hex
    match request.param:
        case "local":
            return LocalFileSystem(basepath=str(tmp_path / "base"))
        case "memory":
            return RemoteFileSystem(basepath=f"memory://{tmp_path.name}")
        case "s3":
            return in_s3(request.getfixturevalue("s3"))
        case "smb":
            return in_smb(request.getfixturevalue("smb"))
        case "gcs":
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", request.getfixturevalue("gcs"))
            return GCS(bucket_path=f"bucket/{own}")
        case "azure":
            by = request.getfixturevalue("azure")
            return Azure(bucket_path=f"container/{own}", azure_storage_connection_string=by)
        case _:
            return in_sftp(request.getfixturevalue("sftp"))


@pytest.mark.row("STO-03")
@pytest.mark.row("STO-04")
def test_files_and_folders_go_there_and_back(files: FileSystem, tmp_path: Path) -> None:
    files.write_path("a/b.txt", b"one")
    files.write_path("a/b.txt", iter([b"t", b"wo"]))
    assert files.read_path("a/b.txt") == b"".join(files.iter_path("a/b.txt")) == b"two"
    source, target = tmp_path / "code", tmp_path / "back"
    for name in ("flow.py", "deep/x.txt", "deep/__pycache__/x.pyc", "notes.log"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / ".orionignore").write_text("__pycache__/\n*.log\n.orionignore\n")
    (source / "out").symlink_to("/etc/passwd")
    assert files.put_directory(str(source), "code/v1", ".orionignore") == 2
    assert files.get_directory("code/v1", str(target)) == 2
    back = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert back == ["deep/x.txt", "flow.py"] and (target / "deep/x.txt").read_text() == "deep/x.txt"
    assert files.has_path("a/b.txt") and not files.has_path("a/c.txt")
    with pytest.raises(FileNotFoundError):
        files.read_path("not/there")


@pytest.mark.row("STO-01")
@pytest.mark.row("STO-02")
@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a/b/../../../x"])
def test_no_path_leads_out_of_the_base(files: FileSystem, path: str) -> None:
    for act in (
        lambda: files.read_path(path),
        lambda: files.write_path(path, b""),
        lambda: files.get_directory(path),
    ):
        with pytest.raises(PathOutside):
            act()


def test_no_link_leads_out_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "base" / "link").symlink_to(tmp_path / "secret")
    files = LocalFileSystem(basepath=str(tmp_path / "base"))
    with pytest.raises(PathOutside):
        files.read_path("link")
    assert files.get_directory(None, str(tmp_path / "copy")) == 0


def test_where_an_event_loop_runs_the_methods_are_awaited(files: FileSystem, tmp_path: Path) -> None:
    async def there_and_back() -> bytes:
        await files.write_path("x/y", b"async")
        await files.get_directory("x", str(tmp_path / "got"))
        found: bytes = await files.read_path("x/y")
        return found

    assert asyncio.run(there_and_back()) == (tmp_path / "got" / "y").read_bytes() == b"async"


def test_of_writers_at_one_time_one_wins_whole(files: FileSystem) -> None:
    size = 300_000
    files.write_path("one", b"0" * size)
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set() and not isinstance(files, SMB):  # which replaces no file while it is open
            content = files.read_path("one")
            seen.add(content[:1] if content == content[:1] * size else content)

    def write(letter: bytes) -> None:
        for _ in range(3):
            files.write_path("one", letter * size)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(bytes([65 + n]),)) for n in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    seen.add(files.read_path("one")[:1])
    assert seen and all(len(content) == 1 for content in seen)


def test_an_upload_that_breaks_off_at_its_source_changes_nothing(files: FileSystem, tmp_path: Path) -> None:
    files.write_path("a/file", b"whole")

    def broken() -> Iterator[bytes]:
        yield b"half" * MB
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        files.write_path("a/file", broken())
    assert files.read_path("a/file") == b"whole"
    assert files.get_directory("a", str(tmp_path / "all")) == 1


@pytest.mark.parametrize("kind", ["s3", "sftp", "smb"])
def test_of_an_upload_whose_connection_is_cut_nothing_is_seen(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A proxy lets some megabytes through and then cuts for good; behind it the store is asked what it has."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    server = request.getfixturevalue(kind)
    port = int(str(server).rpartition(":")[2])
    make: Any = {"s3": lambda port: in_s3(f"http://127.0.0.1:{port}"), "sftp": in_sftp, "smb": in_smb}[kind]
    with Cut(port, after=3 * MB) as cut:
        straight, through = make(port), make(cut.port)
        for name in {"bucket_path", "basepath", "share_path"} & set(straight._block_fields):
            setattr(through, name, getattr(straight, name))
        with pytest.raises(StorageError, match="new cannot be written"):
            through.write_path("a/new", bytes(20 * MB))
        assert cut.passed >= 3 * MB
    assert not straight.has_path("a/new")


def test_a_large_upload_whose_last_answer_is_lost_is_there_and_not_sent_again(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.blocks.remote_files.PART", 5 * MB)
    content = bytes(range(256)) * (11 * MB // 256)
    with forgetful(s3) as (url, seen):
        files = in_s3(url)
        files.write_path("big", content)
        assert [line for line in seen if line.startswith("POST ended")] == ["POST ended"] * 2
        assert sum("partNumber=" in line for line in seen) == 3
        assert files.read_path("big") == content


BIG = """
import sys
from orion.blocks import S3
def most():
    lines = dict(line.split(":") for line in open("/proc/self/status").read().splitlines())
    return int(lines["VmHWM"].split()[0]) // 1024
files = S3(bucket_path=sys.argv[2], aws_access_key_id="key", aws_secret_access_key="secret", endpoint_url=sys.argv[1])
files.write_path("small", b"x"), files.read_path("small")
before = most()
piece, count = bytes(1024) * 1024, int(sys.argv[3])
files.write_path("big", (piece for _ in range(count)))
assert sum(len(part) for part in files.iter_path("big")) == count * len(piece)
print(most() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says how much memory it took")
def test_a_file_larger_than_the_memory_goes_through_it_in_pieces(s3: str) -> None:
    run = [sys.executable, "-c", BIG, s3, f"bucket/{uuid.uuid4().hex}", "96"]
    done = subprocess.run(run, cwd=HOUSE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 80, f"96 MB took {done.stdout.strip()} MB of memory"


@pytest.mark.parametrize(
    ("block", "driver", "module", "extra"),
    [
        (S3(bucket_path="b"), "s3fs", "", "s3"),
        (GCS(bucket_path="b"), "gcsfs", "", "gcs"),
        (Azure(bucket_path="b"), "adlfs", "", "azure"),
        (SMB(smb_host="h", share_path="s"), "smbprotocol", "fsspec.implementations.smb", "smb"),
        (RemoteFileSystem(basepath="sftp://h/x"), "paramiko", "fsspec.implementations.sftp", "sftp"),
    ],
)
def test_a_missing_driver_names_the_extra(
    block: Any, driver: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec  # noqa: F401

    monkeypatch.setitem(sys.modules, driver, None)
    monkeypatch.setitem(sys.modules, "smbclient" if extra == "smb" else driver, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.delitem(
        sys.modules["fsspec.registry"]._registry, block.location().partition(":")[0], raising=False
    )
    with pytest.raises(MissingDriver, match=rf"pip install 'orion-server\[{extra}\]'") as caught:
        block.read_path("x")
    assert "\n" not in str(caught.value)


def test_what_goes_wrong_names_the_file_and_no_secret(s3: str) -> None:
    files = in_s3(s3)
    files.bucket_path = "nowhere/x"
    with pytest.raises(
        StorageError, match="s3://nowhere/x/a cannot be written: .*bucket does not exist"
    ) as caught:
        files.write_path("a", b"")
    assert "canary-secret" not in f"{caught.value}{caught.value!r}{files!r}"


def test_a_base_path_has_a_scheme_and_an_account_is_json() -> None:
    with pytest.raises(Invalid, match="no scheme"):
        RemoteFileSystem(basepath="bucket/folder")
    with pytest.raises(Invalid, match="JSON object"):
        GCS(bucket_path="b", service_account_info="{")


def test_the_drivers_get_what_the_fields_say() -> None:
    account = GCS(bucket_path="gs://b/x/", service_account_info='{"type": "service_account"}', project="p")
    assert account.location() == "gcs://b/x"
    assert account.options() == {"token": {"type": "service_account"}, "project": "p"}
    azure = Azure(bucket_path="x", azure_storage_container="c", azure_storage_connection_string="s")
    assert (azure.location(), azure.options()) == ("az://c/x", {"connection_string": "s", "anon": True})
    share = SMB(smb_host="h", share_path="/s/x", smb_username="u", smb_password="p", smb_port=1445)
    assert share.location() == "smb://h/s/x"
    assert share.options() == {"share_access": "rwd", "username": "u", "password": "p", "port": 1445}


@pytest.mark.parametrize(
    ("rules", "path", "is_folder", "ignored"),
    [
        ("*.pyc", "a/b.pyc", False, True),
        ("/top", "deep/top", False, False),
        ("build/", "build", True, True),
        ("build/", "build", False, False),
        ("*\n!keep.txt", "keep.txt", False, False),
        ("docs/**", "docs/a/b", False, True),
        ("a/**/z", "a/b/c/z", False, True),
    ],
)
def test_an_ignore_file_reads_like_one_of_git(rules: str, path: str, is_folder: bool, ignored: bool) -> None:
    assert ignoring(rules)(path, is_folder) is ignored


def test_keys_are_clean() -> None:
    assert key("a/./b//c/../d") == "a/b/d" and key(None) == ""
