"""No spelling of an address leads a message into the server's own network, and no name that changes its mind does."""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import ip_address

import pytest

from orion.notify.addresses import checked, objection
from orion.notify.message import Post, Unsendable
from orion.notify.send import MOST_ANSWER, Failed, authorities, parsed, send
from tests.notify.targets import Received, Target, target

INSIDE = [
    "http://127.0.0.1/", "http://127.0.0.1:8080/", "http://127.1/", "http://127.0.1/", "http://127.255.255.254/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0x7f.1/", "http://017700000001/",
    "http://0177.0.0.1/", "http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://127.0.0.1./",
    "http://0/", "http://0.0.0.0/", "http://00000.0/", "http://[::]/", "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[0:0:0:0:0:ffff:7f00:0001]/",
    "http://[::127.0.0.1]/", "http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/", "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "http://[64:ff9b:1::a00:1]/",
    "http://10.0.0.1/", "http://10.255.255.255/", "http://167772161/", "http://0xa000001/", "http://012.0.0.1/",
    "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.0.1/", "http://3232235521/", "http://192.168.257/",
    "http://[::ffff:10.0.0.1]/", "http://[::ffff:c0a8:1]/", "http://[2002:a00:1::]/", "http://[fc00::1]/",
    "http://[fd12:3456:789a::1]/", "http://[fec0::1]/", "http://[fe80::1]/", "http://[ff02::1]/",
    "http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
    "http://100.64.0.1/", "http://198.18.0.1/", "http://192.0.0.1/", "http://192.0.2.1/", "http://240.0.0.1/",
    "http://224.0.0.1/", "http://255.255.255.255/", "http://[2001:db8::1]/", "https://127.0.0.1/",
    "http://example.com@127.0.0.1/", "http://user:pw@[::1]/", "http://127.0.0.1#@example.com/", "http://127.0.0.1?@example.com/",
    "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://127.0.0.1\\@example.com/", "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\t/", "http:// 127.0.0.1/", "http:///127.0.0.1/", "http://%31%32%37.0.0.1/", "http://127.0.0.1%2f@example.com/",
    "file:///etc/passwd", "gopher://127.0.0.1:25/", "ftp://127.0.0.1/", "dict://127.0.0.1/", "ldap://127.0.0.1/",
    "unix:///var/run/docker.sock", "//127.0.0.1/", "127.0.0.1", "javascript:alert(1)", "http://", "",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
def test_no_spelling_of_an_inner_address_is_talked_to(url: str) -> None:
    with pytest.raises((Unsendable, Failed)) as refusal:
        asyncio.run(send(Post(url=url, timeout=5), private=False))
    if isinstance(refusal.value, Failed):
        assert "is not known" in str(refusal.value)


def test_nothing_reaches_a_server_on_loopback_by_any_of_them() -> None:
    with target() as inner:
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "0", "[::ffff:127.0.0.1]"):
            with pytest.raises(Unsendable):
                asyncio.run(send(Post(url=f"http://{host}:{inner.port}/"), private=False))
        assert inner.received == []
        assert asyncio.run(send(Post(url=inner.url), private=True)) == "200 OK"


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_of_the_outer_world_pass(text: str) -> None:
    assert objection(ip_address(text), private=False) is None


@pytest.mark.parametrize(
    "text", ["169.254.169.254", "::ffff:a9fe:a9fe", "fd00:ec2::254", "fe80::1%eth0", "224.0.0.1", "0.0.0.0"]
)
def test_some_are_refused_even_where_private_targets_are_allowed(text: str) -> None:
    assert objection(ip_address(text), private=True) is not None


@pytest.mark.parametrize("text", ["127.0.0.1", "10.1.2.3", "::1", "fd12::1", "192.168.1.1"])
def test_private_targets_pass_where_they_are_allowed(text: str) -> None:
    assert objection(ip_address(text), private=True) is None


def test_one_bad_address_among_good_ones_spoils_the_name() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.7"]

    with pytest.raises(Unsendable, match="10.0.0.7"):
        asyncio.run(checked("mixed.example", 443, private=False, resolver=both))


def test_a_name_is_resolved_once_and_the_checked_address_is_used() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with target() as inner:
        url = f"http://rebinding.example:{inner.port}/hook?a=1"
        assert asyncio.run(send(Post(url=url), private=True, resolver=rebinding)) == "200 OK"
        assert asked == ["rebinding.example"]
        (request,) = inner.received
        assert (request.headers["host"], request.path) == (f"rebinding.example:{inner.port}", "/hook?a=1")


def test_redirects_are_not_followed() -> None:
    with target() as secret, target((302, {"Location": secret.url}, b"")) as redirector:
        with pytest.raises(Failed, match="302 Found: redirects are not followed"):
            asyncio.run(send(Post(url=redirector.url), private=True))
        assert secret.received == []


def test_the_authorities_of_the_world_are_read_once_and_only_for_an_address_that_needs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []
    real = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *args, **kw: (read.append("once"), real(*args, **kw))
    )
    authorities.cache_clear()
    with target() as receiver:
        assert asyncio.run(send(Post(url=receiver.url), private=True)) == "200 OK"
        assert read == []
        for _ in range(2):
            with pytest.raises(Failed):  # it does not speak TLS
                asyncio.run(send(Post(url=receiver.url.replace("http:", "https:"), timeout=20), private=True))
    assert read == ["once"] and authorities().verify_mode is ssl.CERT_REQUIRED and authorities().check_hostname


def test_an_answer_without_an_end_is_cut(hanging: Target) -> None:
    endless = (200, {}, b"x" * (MOST_ANSWER * 40))
    with target(endless) as talkative:
        assert asyncio.run(send(Post(url=talkative.url), private=True)) == "200 OK"
    with pytest.raises(Failed, match="no answer within 0.3 s"):
        asyncio.run(send(Post(url=hanging.url, timeout=0.3), private=True))


def test_one_that_drips_is_given_up_after_the_time_for_all_of_it() -> None:
    async def dripping() -> None:
        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while not writer.is_closing():
                writer.write(b"X-More: 1\r\n")
                await asyncio.sleep(0.05)

        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Failed, match="no answer within 0.5 s"):
            await send(Post(url=f"http://127.0.0.1:{port}/", timeout=0.5), private=True)
        server.close()

    asyncio.run(dripping())


def test_what_the_receiver_says_is_never_repeated_beyond_its_number() -> None:
    with target((418, {}, b"<script>secret</script>")) as pot, pytest.raises(Failed) as refusal:
        asyncio.run(send(Post(url=pot.url), private=True))
    assert str(refusal.value) == "418 I'm a Teapot"


def test_a_header_that_would_make_two_is_refused() -> None:
    with target() as inner:
        with pytest.raises(Unsendable):
            asyncio.run(send(Post(url=inner.url, headers={"X": "a\r\nHost: evil"}), private=True))
        assert inner.received == []


def test_the_address_is_a_secret_that_no_log_tells(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with target((200, {}, b""), (500, {}, b"")) as hook:
        secret = Post(url=f"{hook.url}/T000/s3cret")
        asyncio.run(send(secret, private=True))
        with pytest.raises(Failed) as failure:
            asyncio.run(send(secret, private=True))
        assert hook.received[0].path == "/hook/T000/s3cret"
    assert "s3cret" not in caplog.text + str(failure.value)


def test_an_address_of_the_web_is_read_as_it_is_used() -> None:
    assert parsed("https://EXAMPLE.com:8443/a b".replace(" ", "%20")).host == "example.com"


@pytest.fixture
def hanging() -> Target:
    opened = Target()
    opened.answers = [_hang(opened)]
    yield opened  # type: ignore[misc]
    opened.close()


def _hang(opened: Target):  # type: ignore[no-untyped-def]
    def answer(request: Received):  # type: ignore[no-untyped-def]
        return opened.hang(request)

    return answer
