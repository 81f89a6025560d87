"""Blocks: typed, named configuration that flows and deployments share. Classes are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Block": "core",
    "field": "fields",
    "SecretStr": "secrets",
    "SecretDict": "secrets",
    "SecretJson": "secrets",
    "FileSystem": "filesystem",
    "ReadableFileSystem": "filesystem",
    "WritableFileSystem": "filesystem",
    "ReadableDeploymentStorage": "filesystem",
    "WritableDeploymentStorage": "filesystem",
    "NotificationBlock": "capabilities",
    "InfrastructureBlock": "capabilities",
    "Secret": "secret",
    "JSON": "json_value",
    "String": "string",
    "DateTime": "date_time",
    "LocalFileSystem": "local_file_system",
    "RemoteFileSystem": "remote_file_system",
    "Process": "process",
    "DockerContainer": "infrastructure.docker_container",
    "DockerRegistry": "infrastructure.docker_container",
    "KubernetesClusterConfig": "infrastructure.kubernetes_cluster_config",
    "KubernetesJob": "infrastructure.kubernetes_job",
    "SlackWebhook": "slack_webhook",
    "TeamsWebhook": "teams_webhook",
    "EmailServer": "email_server",
    "Webhook": "webhook",
    "CustomWebhook": "custom_webhook",
    "DiscordWebhook": "discord_webhook",
    "MattermostWebhook": "mattermost_webhook",
    "PagerDutyWebHook": "pager_duty_webhook",
    "OpsgenieWebhook": "opsgenie_webhook",
    "TwilioSMS": "twilio_sms",
    "SendgridEmail": "sendgrid_email",
    "Apprise": "apprise_urls",
}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from orion.blocks.apprise_urls import Apprise
    from orion.blocks.capabilities import InfrastructureBlock, NotificationBlock
    from orion.blocks.core import Block
    from orion.blocks.custom_webhook import CustomWebhook
    from orion.blocks.date_time import DateTime
    from orion.blocks.discord_webhook import DiscordWebhook
    from orion.blocks.email_server import EmailServer
    from orion.blocks.fields import field
    from orion.blocks.filesystem import (
        FileSystem,
        ReadableDeploymentStorage,
        ReadableFileSystem,
        WritableDeploymentStorage,
        WritableFileSystem,
    )
    from orion.blocks.infrastructure.docker_container import DockerContainer, DockerRegistry
    from orion.blocks.infrastructure.kubernetes_cluster_config import KubernetesClusterConfig
    from orion.blocks.infrastructure.kubernetes_job import KubernetesJob
    from orion.blocks.json_value import JSON
    from orion.blocks.local_file_system import LocalFileSystem
    from orion.blocks.mattermost_webhook import MattermostWebhook
    from orion.blocks.opsgenie_webhook import OpsgenieWebhook
    from orion.blocks.pager_duty_webhook import PagerDutyWebHook
    from orion.blocks.process import Process
    from orion.blocks.remote_file_system import RemoteFileSystem
    from orion.blocks.secret import Secret
    from orion.blocks.secrets import SecretDict, SecretJson, SecretStr
    from orion.blocks.sendgrid_email import SendgridEmail
    from orion.blocks.slack_webhook import SlackWebhook
    from orion.blocks.string import String
    from orion.blocks.teams_webhook import TeamsWebhook
    from orion.blocks.twilio_sms import TwilioSMS
    from orion.blocks.webhook import Webhook


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'orion.blocks' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"orion.blocks.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
