from __future__ import annotations

import logging
import os
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from httptrace.auth import basic as auth
from httptrace.auth.basic import BasicAuth, encode_basic_auth, netrc_auth
from httptrace.request.proxies import parse_proxy


def test_encoded_header() -> None:
    """The example of RFC 7617 gives the header in the RFC."""
    assert BasicAuth("Aladdin", "open sesame").encode() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert encode_basic_auth("test", "123£") == "Basic dGVzdDoxMjPCow=="


def test_is_a_tuple_of_three() -> None:
    """Credentials can be unpacked, compared and hashed as in aiohttp."""
    login, password, encoding = BasicAuth("me", "pw")
    assert (login, password, encoding) == ("me", "pw", "latin1") == BasicAuth("me", "pw")
    assert hash(BasicAuth("me")) == hash(BasicAuth("me", ""))


def test_password_is_not_shown() -> None:
    """The repr of credentials does not show the password."""
    assert "secret" not in repr(BasicAuth("me", "secret"))


@pytest.mark.parametrize("arguments", [("a:b", "x"), (None, "x"), ("a", None)])
def test_impossible_credentials(arguments: Any) -> None:
    """A colon in the login, and None as login or password, raise ValueError."""
    with pytest.raises(ValueError, match="not allowed"):
        BasicAuth(*arguments)


def test_colon_in_the_login_of_the_function() -> None:
    """encode_basic_auth refuses a colon too."""
    with pytest.raises(ValueError, match="not allowed"):
        encode_basic_auth("a:b")


@pytest.mark.parametrize("encoding", ["latin1", "ascii"])
def test_character_outside_of_the_encoding(encoding: str) -> None:
    """A character that the given encoding lacks raises ValueError; no wrong header is sent."""
    with pytest.raises(UnicodeEncodeError):
        BasicAuth("中", encoding=encoding).encode()
    with pytest.raises(UnicodeEncodeError):
        encode_basic_auth("中", encoding=encoding)
    assert BasicAuth("中", encoding="utf-8").encode() == "Basic 5LitOg=="


@pytest.mark.parametrize(
    ("login", "password", "encoding"),
    [
        ("me", "pw", "latin1"),
        ("mé", "pÿ", "latin1"),
        ("m中", "pw", "utf-8"),
        ("mé", "p€", "utf-8"),
    ],
)
def test_every_source_of_credentials_has_the_same_encoding(
    netrc_file: Path, login: str, password: str, encoding: str
) -> None:
    """Credentials of every source are Latin-1 if it has every character, else UTF-8."""
    netrc_file.write_text(f"machine h login {login} password {password}\n", encoding="utf-8")
    url = URL.build(scheme="http", user=login, password=password, host="h")
    proxy, of_proxy = parse_proxy(str(url))
    found = [BasicAuth(login, password), BasicAuth.from_url(url), of_proxy, netrc_auth("h")]
    assert found == [BasicAuth(login, password, encoding)] * 4
    expected = b64encode(f"{login}:{password}".encode(encoding)).decode()
    assert {auth and auth.encode() for auth in found} == {f"Basic {expected}"}
    assert proxy == URL("http://h")


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_decode(scheme: str) -> None:
    """A header is parsed whatever the case of its scheme; the password may have colons."""
    assert BasicAuth.decode(f"{scheme} YTpiOmM=") == BasicAuth("a", "b:c")
    assert BasicAuth.decode("Basic w7w6", "utf-8") == BasicAuth("ü", "", "utf-8")


@pytest.mark.parametrize(
    "header", ["", "Basic", "Bearer YTpi", "Basic !!", "Basic YQ==", "Basic YTp", "Basic é"]
)
def test_decode_of_what_is_malformed(header: str) -> None:
    """A malformed header raises ValueError, whose text does not quote it."""
    with pytest.raises(ValueError) as caught:
        BasicAuth.decode(header)
    assert "YTp" not in str(caught.value)


def test_from_url() -> None:
    """The credentials of a URL are decoded; a URL without any gives None."""
    assert BasicAuth.from_url(URL("http://me:p%40w@h/")) == BasicAuth("me", "p@w")
    assert BasicAuth.from_url(URL("http://me@h/")) == BasicAuth("me", "")
    assert BasicAuth.from_url(URL("http://:pw@h/")) == BasicAuth("", "pw")
    assert BasicAuth.from_url(URL("http://h/")) is None
    with pytest.raises(TypeError):
        BasicAuth.from_url("http://me@h/")  # type: ignore[arg-type]


@pytest.fixture
def netrc_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(path))
    monkeypatch.setattr(auth, "_netrc", auth._Netrc())
    yield path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A list with the current time as its only element."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


CONTENT = """
machine example.com login me password secret
machine Upper.example.com login up password pw
machine account.example.com account acc password pw
machine unicode.example.com login 中 password pw
machine colon.example.com login a:b password pw
"""


def test_netrc_by_host(netrc_file: Path) -> None:
    """The entry of a host is found by the host only, whatever its case."""
    netrc_file.write_text(CONTENT, encoding="utf-8")
    assert netrc_auth("example.com") == BasicAuth("me", "secret")
    assert netrc_auth("EXAMPLE.com") == BasicAuth("me", "secret")
    assert netrc_auth("upper.example.com") == BasicAuth("up", "pw")
    assert netrc_auth("account.example.com") == BasicAuth("acc", "pw")
    unicode = netrc_auth("unicode.example.com")
    assert unicode is not None and unicode.encode()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com:x@evil.org/",
        "http://example.com@evil.org/",
        "http://evil.org/example.com",
        "http://example.com.evil.org/",
        "http://sub.example.com/",
        "http://evil.org:80/#@example.com",
        "http://colon.example.com/",
    ],
)
def test_netrc_is_not_tricked_by_the_url(netrc_file: Path, url: str) -> None:
    """User info, paths, fragments and longer names do not match the host."""
    netrc_file.write_text(CONTENT, encoding="utf-8")
    host = URL(url).host
    assert host is not None
    assert netrc_auth(host) is None


def test_netrc_default_entry(netrc_file: Path) -> None:
    """The default entry is for hosts without an entry."""
    netrc_file.write_text("machine a.com login a password 1\ndefault login d password 2\n")
    assert netrc_auth("a.com") == BasicAuth("a", "1")
    assert netrc_auth("b.com") == BasicAuth("d", "2")


def test_netrc_is_read_again_when_it_changes(netrc_file: Path, clock: list[float]) -> None:
    """The file is parsed once, and again if it has changed, appeared or disappeared."""
    assert netrc_auth("a.com") is None
    clock[0] += 1
    netrc_file.write_text("machine a.com login a password 1\n")
    first = netrc_auth("a.com")
    assert first == BasicAuth("a", "1")
    clock[0] += 1
    assert netrc_auth("a.com") is first
    netrc_file.write_text("machine a.com login a password changed\n")
    clock[0] += 1
    assert netrc_auth("a.com") == BasicAuth("a", "changed")
    netrc_file.unlink()
    clock[0] += 1
    assert netrc_auth("a.com") is None


@pytest.mark.parametrize("content", [b"machine a.com login a secret!word\n", b"\xff\xfe\x00"])
def test_netrc_that_cannot_be_understood(
    netrc_file: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    """A malformed file is logged once, without its contents, and counts as empty."""
    netrc_file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert netrc_auth("a.com") is None
        assert netrc_auth("a.com") is None
    assert len(caplog.records) == 1
    assert str(netrc_file) in caplog.text
    assert "secret" not in caplog.text


def test_netrc_that_cannot_be_read(netrc_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that cannot be opened, here a directory, is logged once and counts as empty."""
    netrc_file.mkdir()
    with caplog.at_level(logging.WARNING):
        assert netrc_auth("a.com") is None
        assert netrc_auth("a.com") is None
    assert len(caplog.records) == 1


def test_netrc_in_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    """Without NETRC the file is .netrc in the home directory; a missing one is not logged."""
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(auth, "_netrc", auth._Netrc())
    assert netrc_auth("a.com") is None
    clock[0] += 1
    (tmp_path / ".netrc").write_text("machine a.com login a password 1\n")
    assert netrc_auth("a.com") == BasicAuth("a", "1")


def test_netrc_is_looked_at_once_a_second(
    netrc_file: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is not checked for changes for each request."""
    netrc_file.write_text("machine a.com login a password 1\n")
    looked: list[object] = []
    stat = os.stat

    def watched(path: Any, **options: Any) -> os.stat_result:
        if str(path) == str(netrc_file):
            looked.append(path)
        return stat(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", watched)
        for _ in range(3):
            assert netrc_auth("a.com") == BasicAuth("a", "1")
        assert len(looked) == 1
        clock[0] += 1
        assert netrc_auth("other.com") is None
        assert len(looked) == 2
