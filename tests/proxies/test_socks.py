"""The bytes of SOCKS, without a network."""

from __future__ import annotations

import pytest

from httptrace.net.socks import Destination, Login, SocksError, UnreachableError, negotiate

V4, V6 = Destination("192.0.2.1", 443), Destination("2001:db8::1", 443)
NAME = Destination("example.com", 80)
LOGIN = Login(b"user", b"secret")


def hold(scheme: str, to: Destination, login: Login | None, *answers: bytes) -> tuple[bytes, int]:
    """All sent bytes, and the reply code, if the proxy sends these bytes."""
    conversation, sent, waiting = negotiate(scheme, to, login), b"", b"".join(answers)
    try:
        request, wanted = next(conversation)
        while True:
            sent += request
            assert len(waiting) >= wanted, "it waits for more than the proxy sends"
            answer, waiting = waiting[:wanted], waiting[wanted:]
            request, wanted = conversation.send(answer)
    except StopIteration as done:
        assert not waiting, "it does not read all that the proxy sends"
        return sent, done.value


# --- version 5 ------------------------------------------------------------------------------------

GRANTED5 = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("to", "address"),
    [
        (V4, b"\x01\xc0\x00\x02\x01\x01\xbb"),
        (V6, b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x01\xbb"),
        (NAME, b"\x03\x0bexample.com\x00\x50"),
    ],
    ids=["IPv4", "IPv6", "name"],
)
def test_socks5_asks_for_each_type_of_address(to: Destination, address: bytes) -> None:
    """A request has the address in the form of RFC 1928 §5 for its type."""
    sent, code = hold("socks5h", to, None, b"\x05\x00", GRANTED5)
    assert sent == b"\x05\x01\x00" + b"\x05\x01\x00" + address
    assert code == 0


@pytest.mark.parametrize(
    "bound", [b"\x01" + bytes(6), b"\x04" + bytes(18), b"\x03\x04host\x00\x50"]
)
def test_socks5_reads_every_type_of_bound_address(bound: bytes) -> None:
    """The address in the reply is read completely, whatever its type."""
    assert hold("socks5", V4, None, b"\x05\x00", b"\x05\x00\x00" + bound)[1] == 0


def test_socks5_password() -> None:
    """With a login both methods are offered, and RFC 1929 is used if the proxy selects it."""
    sent, _ = hold("socks5", V4, LOGIN, b"\x05\x02", b"\x01\x00", GRANTED5)
    assert sent.startswith(b"\x05\x02\x00\x02" + b"\x01\x04user\x06secret" + b"\x05\x01\x00")


def test_socks5_password_not_asked_for() -> None:
    """A proxy that needs no login does not get one."""
    sent, _ = hold("socks5", V4, LOGIN, b"\x05\x00", GRANTED5)
    assert b"secret" not in sent


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1, "general failure"),
        (2, "its rules do not allow"),
        (3, "network unreachable"),
        (4, "host unreachable"),
        (5, "connection refused"),
        (6, "TTL expired"),
        (8, "type of address"),
        (99, "unknown reply"),
    ],
)
def test_socks5_refusal(code: int, text: str) -> None:
    """The error of a refusal has the destination, the meaning of the reply, and its code."""
    with pytest.raises(SocksError, match=text) as caught:
        hold("socks5", V4, None, b"\x05\x00", bytes([5, code, 0, 1]))
    assert "192.0.2.1:443" in str(caught.value)
    assert caught.value.status == code
    assert isinstance(caught.value, UnreachableError) == (code in (1, 3, 4, 5, 8))


@pytest.mark.parametrize(
    ("login", "answers", "text"),
    [
        (None, [b"\x05\xff"], "wants user name and password"),
        (LOGIN, [b"\x05\xff"], "something other than a password"),
        (None, [b"\x05\x02"], "chose method 2, not offered"),
        (LOGIN, [b"\x05\x01"], "chose method 1, not offered"),
        (LOGIN, [b"\x05\x02", b"\x01\x01"], "user name or password is wrong"),
        (None, [b"HT"], "does not speak SOCKS5"),
        (None, [b"\x05\x00", b"\x04\x00\x00\x01"], "does not speak SOCKS5"),
        (None, [b"\x05\x00", b"\x05\x00\x00\x09"], "does not speak SOCKS5"),
    ],
)
def test_socks5_failure(login: Login | None, answers: list[bytes], text: str) -> None:
    """Errors describe the problem in words, without secrets."""
    with pytest.raises(SocksError, match=text) as caught:
        hold("socks5", V4, login, *answers)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["", "a" * 256, "a\0b"])
def test_socks5_names_that_cannot_be_sent(host: str) -> None:
    """A name that is too long is refused before the request."""
    with pytest.raises(SocksError, match="cannot be sent"):
        hold("socks5h", Destination(host, 80), None, b"\x05\x00")


# --- version 4 ------------------------------------------------------------------------------------

GRANTED4 = b"\x00\x5a" + bytes(6)


def test_socks4_address() -> None:
    """SOCKS4 is port, address and user."""
    sent, code = hold("socks4", V4, Login(b"me", b""), GRANTED4)
    assert (sent, code) == (b"\x04\x01\x01\xbb\xc0\x00\x02\x01me\x00", 90)


def test_socks4a_name() -> None:
    """SOCKS4a sends an invalid address, and the name after the user."""
    sent, _ = hold("socks4a", NAME, None, GRANTED4)
    assert sent == b"\x04\x01\x00\x50\x00\x00\x00\x01\x00example.com\x00"


@pytest.mark.parametrize(("code", "text"), [(91, "rejected"), (92, "identd"), (93, "another user")])
def test_socks4_refusal(code: int, text: str) -> None:
    """A refusal of version 4 is described in words too."""
    with pytest.raises(SocksError, match=text) as caught:
        hold("socks4", V4, None, bytes([0, code]) + bytes(6))
    assert caught.value.status == code


def test_socks4_knows_no_ipv6() -> None:
    """An IPv6 address cannot be sent in a request of version 4."""
    with pytest.raises(SocksError, match="cannot reach the IPv6 address"):
        hold("socks4", V6, None)


def test_socks4_other_protocol() -> None:
    """A server that speaks another protocol is detected."""
    with pytest.raises(SocksError, match="does not speak SOCKS4"):
        hold("socks4", V4, None, b"HTTP/1.1")
