"""Mail through a real mail server: in clear, over TLS, after STARTTLS, with a login, refused."""

from __future__ import annotations

import asyncio
import datetime
import email
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from orion.notify.addresses import resolve
from orion.notify.message import Mail, Post, Unsendable
from orion.notify.send import Failed, send
from tests.ports import held_port

pytestmark = pytest.mark.row("NOT-05")
MAIL = Mail(
    host="127.0.0.1", port=0, security="INSECURE", verify=True, username=None, password=None,
    sender="orion@example.com", recipients=["dana@example.com"], subject="etl: Failed", body="It failed.\n",
    key="policy/state",
)  # fmt: skip


class Inbox:
    """What a mail server does with mails: keeps them, or refuses one recipient."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], Any]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """The context of a server with a certificate that nobody has signed."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1)
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
    )
    certificate = made.add_extension(names, False).sign(key, hashes.SHA256())
    (folder / "cert").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


@pytest.fixture
def serve() -> Iterator[Any]:
    started: list[Controller] = []
    with ExitStack() as ports:

        def start(**options: Any) -> tuple[int, Inbox]:
            inbox = Inbox()
            port = ports.enter_context(held_port())
            controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
            controller.start()
            started.append(controller)
            return controller.port, inbox

        yield start
        for controller in started:
            controller.stop()


def hand_over(mail: Mail | Post, *addresses: str) -> str:
    """Send it; to a name that stands for these addresses, if there are any."""

    async def known(host: str, port: int) -> list[str]:
        return list(addresses)

    return asyncio.run(send(mail, private=True, resolver=known if addresses else resolve))


def test_a_mail_arrives_with_its_key(serve: Any) -> None:
    port, inbox = serve()
    mail = replace(MAIL, port=port, subject="etl:\r\nBcc: evil@example.com")
    assert hand_over(mail) == "taken by the mail server"
    ((sender, recipients, said),) = inbox.mails
    assert (sender, recipients) == ("orion@example.com", ["dana@example.com"])
    assert (said["Subject"], said["Bcc"]) == ("etl: Bcc: evil@example.com", None)
    assert (said["Idempotency-Key"], said["Message-ID"]) == ("policy/state", "<policy.state@orion>")
    assert said.get_payload() == "It failed.\r\n"


def test_starttls_with_a_login(serve: Any, tls: ssl.SSLContext) -> None:
    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (b"orion", b"s3cret"), handled=False)

    port, inbox = serve(
        tls_context=tls,
        require_starttls=True,
        authenticator=login,
        auth_required=True,
        auth_exclude_mechanism=["LOGIN"],
    )
    mail = replace(MAIL, port=port, security="STARTTLS", verify=False, username="orion", password="s3cret")
    hand_over(mail)
    assert len(inbox.mails) == 1
    with pytest.raises(Failed, match="the mail server answers 535"):
        hand_over(replace(mail, password="wrong"))
    with pytest.raises(Failed, match="the mail server answers 530"):
        hand_over(replace(mail, security="INSECURE", username=None))


@pytest.mark.parametrize("security", ["SSL", "STARTTLS"])
def test_a_certificate_that_nobody_signed_is_refused_unless_told_otherwise(
    serve: Any, tls: ssl.SSLContext, security: str
) -> None:
    port, inbox = serve(**({"ssl_context": tls} if security == "SSL" else {"tls_context": tls}))
    mail = replace(MAIL, host="localhost", port=port, security=security)
    with pytest.raises(Failed, match="CERTIFICATE_VERIFY_FAILED"):
        hand_over(mail, "127.0.0.1")
    assert inbox.mails == []
    hand_over(replace(mail, verify=False))
    assert len(inbox.mails) == 1


@pytest.mark.parametrize("security", ["SSL", "STARTTLS"])
@pytest.mark.parametrize("addresses", [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_of_a_name_with_two_addresses_the_one_that_answers_is_used_and_told_of(
    serve: Any, tls: ssl.SSLContext, security: str, addresses: tuple[str, str]
) -> None:
    port, inbox = serve(**({"ssl_context": tls} if security == "SSL" else {"tls_context": tls}))
    mail = replace(MAIL, host="localhost", port=port, security=security)
    with pytest.raises(Failed, match="CERTIFICATE_VERIFY_FAILED"):
        hand_over(mail, *addresses)
    hand_over(replace(mail, verify=False), *addresses)
    assert len(inbox.mails) == 1


def test_also_a_webhook_tells_of_the_certificate_and_not_of_the_address_where_nobody_is(
    serve: Any, tls: ssl.SSLContext
) -> None:
    port, _ = serve(ssl_context=tls)
    with pytest.raises(Failed, match="CERTIFICATE_VERIFY_FAILED"):
        hand_over(Post(url=f"https://localhost:{port}/"), "127.0.0.1", "::1")


def test_refused_recipients_and_servers_that_are_away_are_told(serve: Any) -> None:
    port, inbox = serve()
    with pytest.raises(Failed, match="refuses nobody@example.com"):
        hand_over(replace(MAIL, port=port, recipients=["nobody@example.com"]))
    with held_port() as nobody, pytest.raises(Failed, match="ConnectionRefused"):
        hand_over(replace(MAIL, port=nobody))
    assert inbox.mails == []


def test_mail_goes_into_the_own_network_only_where_that_is_allowed(serve: Any) -> None:
    port, inbox = serve()
    with pytest.raises(Unsendable, match="this machine itself"):
        asyncio.run(send(replace(MAIL, port=port), private=False))
    assert inbox.mails == []
