"""Basic authentication (RFC 7617), and credentials from the user's netrc file."""

from __future__ import annotations

import logging
import os
import time
from base64 import b64decode, b64encode
from typing import Any, NamedTuple

from yarl import URL

__all__ = ["BasicAuth", "basic_auth", "encode_basic_auth", "netrc_auth"]

_log = logging.getLogger("httptrace.auth")


class _Credentials(NamedTuple):
    login: str
    password: str
    encoding: str


class BasicAuth(_Credentials):
    """Login and password for Basic authentication (aiohttp's documentation, "BasicAuth").

    :param login: the user name; it must not contain a colon (RFC 7617, section 2).
    :param password: the password.
    :param encoding: how `encode` turns both into bytes. By default Latin-1, as in aiohttp, if it
        has every character, else UTF-8 (RFC 7617, section 2.1). The same holds for credentials
        from URLs, from a netrc file and for proxies.
    :raises ValueError: login or password is None, or the login contains a colon.
    """

    __slots__ = ()

    def __new__(cls, login: str, password: str = "", encoding: str | None = None) -> BasicAuth:
        for part, value in (("login", login), ("password", password)):
            if value is None:
                raise ValueError(f"None is not allowed as {part} value")
            if not isinstance(value, str):
                raise TypeError(f"{part} must be a str, not {type(value).__name__}")
        if ":" in login:
            raise ValueError('A ":" is not allowed in login (RFC 7617, section 2)')
        return super().__new__(cls, login, password, encoding or _encoding_of(login + password))

    @classmethod
    def decode(cls, auth_header: str, encoding: str = "latin1") -> BasicAuth:
        """The credentials in an Authorization header.

        :raises ValueError: the scheme is not Basic, or the value is malformed.
        """
        scheme, separator, encoded = auth_header.partition(" ")
        if not separator:
            raise ValueError("Could not parse authorization header.")
        if scheme.lower() != "basic":
            raise ValueError(f"Unknown authorization method {scheme}")
        try:
            decoded = b64decode(encoded.strip(" ").encode("ascii"), validate=True).decode(encoding)
        except ValueError:
            # The cause would show credentials in a traceback.
            raise ValueError("Invalid base64 encoding.") from None
        login, separator, password = decoded.partition(":")
        if not separator:
            raise ValueError("Invalid credentials.")
        return cls(login, password, encoding)

    @classmethod
    def from_url(cls, url: URL, *, encoding: str | None = None) -> BasicAuth | None:
        """The credentials in a URL, or None if it has none.

        :raises TypeError: `url` is not a yarl.URL.
        """
        if not isinstance(url, URL):
            raise TypeError("url should be yarl.URL instance")
        # Most URLs have no credentials; yarl has parsed `raw_user` already, so this is cheap.
        if url.raw_user is None and url.raw_password is None:
            return None
        return cls(url.user or "", url.password or "", encoding)

    def encode(self) -> str:
        """The value of an Authorization header.

        :raises UnicodeEncodeError: the encoding does not have one of the characters.
        """
        return _basic(f"{self.login}:{self.password}", self.encoding)

    def __repr__(self) -> str:
        # Without the password: reprs end up in logs and tracebacks.
        return f"BasicAuth(login={self.login!r}, password='***', encoding={self.encoding!r})"


def basic_auth(parameter: str, value: Any) -> BasicAuth | None:
    """Check the parameter named `parameter`; aiohttp's BasicAuth is converted to ours.

    :raises TypeError: `value` is neither BasicAuth nor None.
    """
    if value is None or isinstance(value, BasicAuth):
        return value
    if all(hasattr(value, part) for part in _Credentials._fields):
        return BasicAuth(value.login, value.password, value.encoding)
    raise TypeError(f"{parameter} must be BasicAuth or None, not {type(value).__name__}")


def encode_basic_auth(login: str, password: str = "", encoding: str = "utf-8") -> str:
    """The value of an Authorization header for a login and a password.

    :raises ValueError: the login contains a colon, or the encoding does not have one of the
        characters.
    """
    return BasicAuth(login, password, encoding).encode()


def _encoding_of(text: str) -> str:
    if text.isascii():
        return "latin1"
    try:
        text.encode("latin1")
    except UnicodeEncodeError:
        return "utf-8"
    return "latin1"


def _basic(credentials: str, encoding: str) -> str:
    return f"Basic {b64encode(credentials.encode(encoding)).decode('ascii')}"


def netrc_auth(host: str) -> BasicAuth | None:
    """The credentials for a host from the user's netrc file: its entry, or the default entry.

    The file is ``$NETRC``, or ``~/.netrc`` (on Windows also ``~/_netrc``). At most once a second it
    is checked for changes, and read again if it has changed. If it cannot be read or parsed, this
    is logged once and the file counts as empty.

    :param host: the host as in ``URL.host``, without port and user info.
    """
    if not _netrc.is_fresh():
        _netrc.refresh()
    return _netrc.lookup(host)


class _Netrc:
    """The entries of the netrc file, cached until the file changes."""

    def __init__(self) -> None:
        self._entries: dict[str, BasicAuth] = {}
        self._version: tuple[object, ...] | None = None
        self._checked_at = float("-inf")
        self._variable = ""

    def is_fresh(self) -> bool:
        """Whether the file was checked within the last second."""
        if os.environ.get("NETRC", "") != self._variable:
            return False
        return time.monotonic() - self._checked_at < 1.0

    def lookup(self, host: str) -> BasicAuth | None:
        return self._entries.get(host.lower()) or self._entries.get("")

    def refresh(self) -> None:
        """Read the file if it has changed, or if it is a different file."""
        self._variable = os.environ.get("NETRC", "")
        path = self._path()
        version = _version(path)
        if version != self._version:
            self._entries = _read(path) if path else {}
            self._version = version
        self._checked_at = time.monotonic()

    def _path(self) -> str | None:
        if self._variable:
            return os.path.expanduser(self._variable)
        names = ("_netrc", ".netrc") if os.name == "nt" else (".netrc",)
        paths = [os.path.join(os.path.expanduser("~"), name) for name in names]
        return next(filter(os.path.exists, paths), None)


def _version(path: str | None) -> tuple[object, ...]:
    try:
        found = os.stat(path) if path else None
    except OSError:
        found = None
    return (path, found.st_mtime_ns, found.st_size, found.st_ino) if found else (path,)


def _read(path: str) -> dict[str, BasicAuth]:
    """The entries by host in lower case; the default entry has an empty host."""
    import netrc

    try:
        hosts = netrc.netrc(path).hosts
    except netrc.NetrcParseError as error:
        # Without the error's own text, which may quote a password.
        _log.warning("The netrc file %s cannot be parsed (line %s)", path, error.lineno)
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not in UTF-8"
        _log.warning("The netrc file %s cannot be read: %s", path, reason)
        return {}
    entries = {("" if host == "default" else host.lower()): _entry(*hosts[host]) for host in hosts}
    return {host: auth for host, auth in entries.items() if auth is not None}


def _entry(login: str | None, account: str | None, password: str | None) -> BasicAuth | None:
    """Where the login is missing, the account is used, as in aiohttp."""
    name = login or account or ""
    if ":" in name or not (name or password):
        return None
    return BasicAuth(name, password or "")


_netrc = _Netrc()
