"""Digest access authentication (RFC 7616) as a client middleware."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from yarl import URL

from ..cookies.store import path_match
from ..errors import ClientError
from .challenge import Answer, Challenge, authentication_info, digest_challenge

if TYPE_CHECKING:
    from multidict import CIMultiDict, CIMultiDictProxy

__all__ = ["DigestAuthMiddleware"]

_log = logging.getLogger("httptrace.auth")

_SMALL_BODY = 65_536  # a 401's body up to this size is read, so that the connection can be reused
_ANSWERS = 2  # one to the challenge, and one more if the server says that the nonce is stale


class _Request(Protocol):
    """The part of `ClientRequest` that is used here; aiohttp's has it too."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> URL: ...
    @property
    def headers(self) -> CIMultiDict[str]: ...
    @property
    def body(self) -> Any: ...


class _Response(Protocol):
    """The part of `ClientResponse` that is used here."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> CIMultiDictProxy[str]: ...
    @property
    def content_length(self) -> int | None: ...
    async def read(self) -> bytes: ...
    def close(self) -> None: ...


RequestT = TypeVar("RequestT", bound=_Request)
ResponseT = TypeVar("ResponseT", bound=_Response)


class DigestAuthMiddleware:
    """Answers Digest challenges of one origin (aiohttp's documentation, "DigestAuthMiddleware").

    The credentials are for one origin: `origin`, or by default that of the first request. No other
    origin gets an answer, for instance after a redirect. The parameter ``domain`` of a challenge
    is used for paths of the same origin only.

    The object counts how often each nonce is used, and may serve concurrent requests. If an
    Authentication-Info header has ``rspauth``, it must prove that the server knows the password
    (RFC 7616, section 3.5); otherwise a warning is logged and its ``nextnonce`` is not used. The
    response is returned in either case, as in aiohttp.

    :param login: the user name.
    :param password: the password. Both are encoded as UTF-8 in normal form C (section 4).
    :param preemptive: after the first challenge, send the answer with every request to the
        protection space (section 3.6), without waiting for another 401.
    :param origin: the origin that the credentials are for.
    :raises ValueError: login or password is None, or the login contains a colon or a control
        character.
    """

    def __init__(
        self,
        login: str,
        password: str,
        preemptive: bool = True,
        *,
        origin: str | URL | None = None,
    ) -> None:
        if login is None or password is None:
            raise ValueError("None is not allowed as login or password value")
        if ":" in login:
            raise ValueError('A ":" is not allowed in login (RFC 7616, section 3.4)')
        if re.search(r"[\x00-\x1f\x7f]", login):
            raise ValueError("A control character is not allowed in login")
        self._login = _composed(login)
        self._password = _composed(password)
        self._preemptive = preemptive
        self._origin = None if origin is None else URL(origin).origin()
        self._session: _Session | None = None

    async def __call__(
        self, request: RequestT, handler: Callable[[RequestT], Awaitable[ResponseT]]
    ) -> ResponseT:
        """Send the request; if the server challenges it, send it again with an answer."""
        if not self._is_own_origin(request.url):
            return await handler(request)
        session, sent = self._session, None
        if self._preemptive and session is not None and session.protects(request.url):
            sent = await self._authorize(request, session)
        response = await handler(request)
        for answers in range(_ANSWERS):
            session = self._learn(request.url, response, sent, first=answers == 0)
            if session is None:
                break
            await _discard(response)
            sent = await self._authorize(request, session)
            response = await handler(request)
        else:
            self._learn(request.url, response, sent, first=False)
        return response

    def _is_own_origin(self, url: URL) -> bool:
        if self._origin is None:
            self._origin = url.origin()
        return url.origin() == self._origin

    def _learn(
        self, url: URL, response: _Response, sent: _Sent | None, *, first: bool
    ) -> _Session | None:
        """Process a response; the result is the session to answer with, or None.

        A second 401 is answered only if the server says that the nonce is stale: otherwise the
        credentials are wrong. The first 401 may also reject an old nonce that was sent
        preemptively.
        """
        if response.status != 401:
            if sent is not None:
                sent.session.update(response.headers.get("Authentication-Info", ""), sent.answer)
            return None
        challenge = digest_challenge(response.headers.getall("WWW-Authenticate", ()))
        if challenge is None or not (first or challenge.stale):
            return None
        used = None if sent is None else sent.answer.challenge.nonce
        if challenge.nonce == used and not challenge.stale:
            return None
        session = self._session
        if session is None or session.challenge.nonce != challenge.nonce:
            session = self._session = _Session()
        session.begin(challenge, url)
        return session

    async def _authorize(self, request: _Request, session: _Session) -> _Sent:
        needs_body = session.challenge.qop == "auth-int"
        body = await _body_of(request) if needs_body else b""
        count, cnonce = session.use()
        answer = Answer(
            session.challenge,
            self._login,
            self._password,
            request.method.upper(),
            request.url.raw_path_qs,
            count,
            cnonce,
            body,
        )
        request.headers["Authorization"] = answer.header()
        return _Sent(session, answer)


class _Session:
    """A challenge and how often its nonce was used (``nc`` in RFC 7616, section 3.4)."""

    challenge: Challenge

    def __init__(self) -> None:
        self._paths: tuple[str, ...] = ()
        self._count = 0
        self._cnonce = _new_cnonce()

    def begin(self, challenge: Challenge, url: URL) -> None:
        """Answer this challenge from now on. A nonce that was used before keeps its count."""
        self.challenge = challenge
        self._paths = _protected_paths(challenge.domain, url)

    def protects(self, url: URL) -> bool:
        """Whether the URL is in the protection space (``domain`` in section 3.3)."""
        return any(path_match(path, url.raw_path) for path in self._paths)

    def use(self) -> tuple[int, str]:
        """The next nonce count and cnonce.

        A session key is derived from the first cnonce, so that one is kept (section 3.4.2).
        """
        self._count += 1
        if not self.challenge.is_session:
            self._cnonce = _new_cnonce()
        return self._count, self._cnonce

    def update(self, header: str, answer: Answer) -> None:
        """Process an Authentication-Info header, which may replace the nonce (section 3.5)."""
        if not header:
            return
        info = authentication_info(header)
        if not answer.is_confirmed_by(info):
            _log.warning("The server's rspauth does not prove that it knows the password")
            return
        nonce = info.get("nextnonce")
        if nonce and nonce != self.challenge.nonce:
            self.challenge = self.challenge._replace(nonce=nonce)
            self._count = 0
            self._cnonce = _new_cnonce()


class _Sent(NamedTuple):
    """An answer that was sent, and the session whose nonce it used."""

    session: _Session
    answer: Answer


def _protected_paths(domain: str, url: URL) -> tuple[str, ...]:
    """The path prefixes of the protection space; the whole origin if ``domain`` names none."""
    paths: list[str] = []
    for reference in domain.split():
        try:
            target = url.join(URL(reference))
        except ValueError:
            continue
        if target.raw_host and target.origin() == url.origin():
            paths.append(target.raw_path)
    return ("/",) if not domain.split() else tuple(paths)


def _composed(text: str) -> str:
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFC", text)


def _new_cnonce() -> str:
    return os.urandom(16).hex()


async def _body_of(request: _Request) -> bytes:
    """The body as bytes, to compute its hash.

    :raises ClientError: the body can be read only once.
    """
    body = request.body
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if body is None:
        return b""
    as_bytes = getattr(body, "as_bytes", None)
    if as_bytes is None:
        kind = type(body).__name__
        raise ClientError(f"Digest authentication with qop=auth-int cannot hash a body of {kind}")
    return bytes(await as_bytes())


async def _discard(response: _Response) -> None:
    """Read the rest of a 401, so that its connection can be reused; close it if that is long."""
    length = response.content_length
    if length is None or length > _SMALL_BODY:
        response.close()
        return
    try:
        await response.read()
    except ClientError:
        response.close()
