"""What a flow needs to be installed: captured from the Python that runs here, and installed in an image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from orion.deployments.packaging.conda import conda_packages
from orion.deployments.packaging.requirements import OnUninstallable, pip_requirements
from orion.sdk.flow_serializers import VERSION

PLACE = ".orion"  # where the files of an environment are, in the folder that an image is built from


class Environment(ABC):
    """Requirements, as files and as lines of a Dockerfile."""

    @property
    @abstractmethod
    def base_image(self) -> str:
        """The image that it is installed in, unless another is given."""

    @abstractmethod
    def files(self) -> dict[str, str]:
        """The files that name the requirements, by name."""

    @abstractmethod
    def install(self) -> list[str]:
        """The lines of a Dockerfile that install them."""


@dataclass(frozen=True)
class PythonEnvironment(Environment):
    """A version of Python, and requirements as pip reads them."""

    python_version: str = VERSION
    pip_requirements: Sequence[str] = ()

    @classmethod
    def from_environment(
        cls, *, include_nested: bool = True, on_uninstallable: OnUninstallable = "warn"
    ) -> Self:
        """What is installed here, in exactly these versions; without `include_nested` only what nothing else needs."""
        return cls(VERSION, tuple(pip_requirements(include_nested, on_uninstallable)))

    @property
    def base_image(self) -> str:
        return f"python:{self.python_version}-slim"

    def files(self) -> dict[str, str]:
        return {"requirements.txt": "".join(f"{line}\n" for line in self.pip_requirements)}

    def install(self) -> list[str]:
        return [
            f"COPY {PLACE}/requirements.txt /opt/orion/requirements.txt",
            "RUN python -m pip install --no-cache-dir -r /opt/orion/requirements.txt",
        ]


@dataclass(frozen=True)
class CondaEnvironment(Environment):
    """Packages of conda from their channels, and with them requirements as pip reads them."""

    python_version: str = VERSION
    conda_requirements: Sequence[str] = ()
    pip_requirements: Sequence[str] = ()
    channels: Sequence[str] = field(default=("conda-forge",))

    @classmethod
    def from_environment(
        cls,
        *,
        explicit_only: bool = True,
        include_builds: bool = False,
        on_uninstallable: OnUninstallable = "warn",
    ) -> Self:
        """What conda has installed here: what was asked for by name, or all of it; and what pip has added."""
        found = conda_packages()
        wanted = [one for one in found if one.name != "python" and (one.asked_for or not explicit_only)]
        return cls(
            VERSION,
            tuple(one.requirement(include_builds) for one in wanted),
            tuple(pip_requirements(True, on_uninstallable, without_installer="conda")),
            tuple(dict.fromkeys(one.channel for one in found if one.channel)) or ("conda-forge",),
        )

    @property
    def base_image(self) -> str:
        return "continuumio/miniconda3"

    def files(self) -> dict[str, str]:
        import yaml

        packages: list[object] = [f"python={self.python_version}", "pip", *self.conda_requirements]
        packages += [{"pip": list(self.pip_requirements)}] if self.pip_requirements else []
        content = {"channels": list(self.channels), "dependencies": packages}
        return {"environment.yml": yaml.safe_dump(content, sort_keys=False)}

    def install(self) -> list[str]:
        return [
            f"COPY {PLACE}/environment.yml /opt/orion/environment.yml",
            "RUN conda env update --quiet --name base --file /opt/orion/environment.yml && conda clean --all --yes",
        ]
