"""Code in a Git repository, fetched by a branch, a tag or a commit with the git program of the machine."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from orion.blocks import redaction
from orion.blocks.fields import field
from orion.blocks.filesystem import ReadableDeploymentStorage, ReadableFileSystem, StorageError, either
from orion.blocks.paths import below, files
from orion.blocks.secrets import SecretStr
from orion.errors import Invalid

PROTOCOLS = "https:http:ssh:git:file"
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "LC_ALL": "C", "GIT_ALLOW_PROTOCOL": PROTOCOLS}


class Git(ReadableDeploymentStorage, ReadableFileSystem):
    """A Git repository, read by a branch, a tag or a commit. Needs the program `git`.

    Example:
        from orion.blocks import Git

        code = Git(repository="https://git.example.com/team/flows.git", reference="v1.2", access_token="...")
        code.get_directory("etl", "/tmp/etl")
    """

    _block_type_name = "Git"
    _block_type_slug = "git"
    _user = "x-access-token"

    repository: str = field(description="Its URL: https://..., ssh://..., git@host:path or file:///path.")
    reference: str | None = field(
        None, description="A branch, a tag or a commit; by default the main branch."
    )
    username: str | None = field(None, description="Who the token belongs to, where the server asks for it.")
    access_token: SecretStr | None = field(None, description="What opens a private repository over https.")
    include_git_objects: bool = field(False, description="Whether the folder .git is copied, too.")

    def block_initialization(self) -> None:
        for name in ("repository", "reference"):
            if (getattr(self, name) or "").startswith("-"):
                raise Invalid(f"{type(self).__name__}.{name}: {getattr(self, name)!r} begins with a dash.")
        if "::" in self.repository:
            raise Invalid(f"{type(self).__name__}.repository: {self.repository!r} is no URL of a repository.")
        if self.access_token and not self.repository.startswith(("https://", "http://")):
            raise Invalid(
                f"{type(self).__name__}: an access token goes with a URL that begins with https://; "
                "for ssh the machine's keys are used."
            )

    @either
    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> int:
        """Copy a folder of the repository to `local_path`; how many files."""
        target = Path(local_path or ".").resolve()
        with tempfile.TemporaryDirectory(prefix="orion-git-") as folder:
            self._fetch(folder)
            source = below(Path(folder), from_path)
            if not source.is_dir():
                raise FileNotFoundError(f"There is no folder {from_path} in {self._shown}.")
            return self._copy(source, target)

    @either
    def read_path(self, path: str) -> bytes:
        """The content of a file of the repository; raises FileNotFoundError."""
        with tempfile.TemporaryDirectory(prefix="orion-git-") as folder:
            file = below(Path(folder), path)
            self._fetch(folder)
            file = below(Path(folder), path)
            if not file.is_file():
                raise FileNotFoundError(f"There is no file {path} in {self._shown}.")
            return file.read_bytes()

    def _copy(self, source: Path, target: Path) -> int:
        found = list(files(source, lambda name, _: name == ".git" and not self.include_git_objects))
        for file, name in found:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target / name)
        return len(found)

    def _fetch(self, folder: str) -> None:
        """The files of the reference, without the history; a server that gives no single commits gives it all."""
        url, wanted = self._address()[0], self.reference or "HEAD"
        self._git(folder, "init", "-q")
        self._git(folder, "remote", "add", "origin", url)
        try:
            self._git(folder, "fetch", "-q", "--depth", "1", "origin", wanted)
            self._git(folder, "checkout", "-q", "--detach", "FETCH_HEAD")
        except StorageError:
            if not _is_commit(wanted):
                raise
            self._git(folder, "fetch", "-q", "origin", "+refs/*:refs/remotes/origin/*")
            self._git(folder, "checkout", "-q", "--detach", wanted)

    def _git(self, folder: str, *words: str) -> None:
        """Run git. What opens the repository is in its environment: its command line can be read by all."""
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=folder,
                env=self._environment(),
                capture_output=True,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise StorageError(
                f"{self._shown} cannot be fetched: the program git is not installed on this machine."
            ) from None
        if done.returncode:
            said = redaction.redact(done.stderr.decode(errors="replace").strip()) or "git gave no reason"
            if "could not read Username" in said or "Authentication failed" in said:
                said = "it asks for a login: give an access_token that opens it"
            raise StorageError(f"{self._shown} cannot be fetched: {' '.join(said.split())}")

    def _environment(self) -> dict[str, str]:
        url, who = self._address()
        settings = [
            ("credential.helper", ""),
            ("http.lowSpeedLimit", "1000"),
            ("http.lowSpeedTime", "60"),
            ("core.symlinks", "true"),
        ]
        if who:
            word = base64.b64encode(who.encode()).decode()
            redaction.remember(word)
            settings.append((f"http.{_origin(url)}.extraHeader", f"Authorization: Basic {word}"))
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_CONFIG")}
        return {**env, **QUIET, **_numbered(settings)}

    def _address(self) -> tuple[str, str]:
        """The URL without what opens it, and that: `user:token`, or nothing."""
        url, token = self.repository, self.access_token.get_secret_value() if self.access_token else ""
        user = self.username or ""
        if url.startswith(("https://", "http://")):
            parts = urlsplit(url)
            user = user or unquote(parts.username or "")
            token = token or unquote(parts.password or "")
            if user and not token and not self.username:
                user, token = self._user, user  # https://TOKEN@host
            redaction.remember(token)
            url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        return url, f"{user or self._user}:{token}" if token else ""

    @property
    def _shown(self) -> str:
        return redaction.redact(self._address()[0]) + (f" at {self.reference}" if self.reference else "")


class GitHub(Git):
    """A repository of GitHub, read by a branch, a tag or a commit. Needs the program `git`.

    Example:
        from orion.blocks import GitHub

        code = GitHub(repository="https://github.com/team/flows", reference="main", access_token="...")
        code.get_directory("etl", "/tmp/etl")
    """

    _block_type_name = "GitHub"
    _block_type_slug = "github"

    include_git_objects: bool = field(True, description="Whether the folder .git is copied, too.")


def _is_commit(reference: str) -> bool:
    return 7 <= len(reference) <= 64 and all(letter in "0123456789abcdef" for letter in reference.lower())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def _numbered(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Settings of git as its environment takes them."""
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env
