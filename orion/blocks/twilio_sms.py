"""Text messages by Twilio."""

from __future__ import annotations

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class TwilioSMS(Channel):
    """Sends text messages by Twilio.

    Example:
        from orion.blocks import TwilioSMS

        TwilioSMS.load("oncall").notify("The report is late.")
    """

    _block_type_name = "Twilio SMS"
    _block_type_slug = "twilio-sms"

    account_sid: str = field(description="The account's id.")
    auth_token: SecretStr = field(description="The account's token.")
    from_phone_number: str = field(description="The number that sends.")
    to_phone_numbers: list[str] = field(description="The numbers that are told.")
