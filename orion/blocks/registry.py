"""The block classes that this process knows, by slug."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

from orion.errors import NotFound

if TYPE_CHECKING:
    from orion.blocks.core import Block

BUILT_IN = {
    "secret": "secret:Secret",
    "json": "json_value:JSON",
    "string": "string:String",
    "date-time": "date_time:DateTime",
    "local-file-system": "local_file_system:LocalFileSystem",
    "remote-file-system": "remote_file_system:RemoteFileSystem",
    "process": "process:Process",
    "docker-container": "infrastructure.docker_container:DockerContainer",
    "docker-registry": "infrastructure.docker_container:DockerRegistry",
    "kubernetes-cluster-config": "infrastructure.kubernetes_cluster_config:KubernetesClusterConfig",
    "kubernetes-job": "infrastructure.kubernetes_job:KubernetesJob",
    "slack-webhook": "slack_webhook:SlackWebhook",
    "ms-teams-webhook": "teams_webhook:TeamsWebhook",
    "email-server": "email_server:EmailServer",
    "webhook": "webhook:Webhook",
    "custom-webhook": "custom_webhook:CustomWebhook",
    "discord-webhook": "discord_webhook:DiscordWebhook",
    "mattermost-webhook": "mattermost_webhook:MattermostWebhook",
    "pager-duty-webhook": "pager_duty_webhook:PagerDutyWebHook",
    "opsgenie-webhook": "opsgenie_webhook:OpsgenieWebhook",
    "twilio-sms": "twilio_sms:TwilioSMS",
    "sendgrid-email": "sendgrid_email:SendgridEmail",
    "apprise": "apprise_urls:Apprise",
}
"""Slug of a built-in type → its module below orion.blocks and its class."""

_classes: dict[str, type[Block]] = {}


def add(cls: type[Block]) -> None:
    """Know a class; of two with one slug the later one counts."""
    _classes[cls.get_block_type_slug()] = cls


def find(slug: str) -> type[Block]:
    """The class of a slug; raises `NotFound` with what to import."""
    if slug not in _classes and slug in BUILT_IN:
        built_in(slug)
    if slug not in _classes:
        raise NotFound(
            f"No block class with the slug {slug!r} is known here: import the module that defines it first. "
            f"Known are: {', '.join(sorted({*_classes, *BUILT_IN}))}."
        )
    return _classes[slug]


def built_in(slug: str) -> type[Block]:
    """The built-in class of a slug."""
    module, _, name = BUILT_IN[slug].partition(":")
    found: type[Block] = getattr(import_module(f"orion.blocks.{module}"), name)
    return found


def slugify(name: str) -> str:
    """`MyBlock Name` as `myblock-name`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
