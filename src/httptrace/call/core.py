"""`SessionCore`: the state that all calls of a session share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from yarl import URL

    from ..auth.basic import BasicAuth
    from ..cookies.jar import AbstractCookieJar
    from ..local.propagation import Propagation
    from ..trace.config import TraceConfig
    from ..trace.listening import SessionObservers
    from ..version import HttpVersion
    from .exchange import Exchange
    from .pool import Pool
    from .settings import Settings
    from .target import Target


class SessionCore:
    """Settings, headers, cookies, credentials, listeners, targets, pool and tasks of a session.

    `ClientSession` creates one in a private attribute, so that attributes of subclasses cannot
    replace this state. `Call.session` is for callbacks only.
    """

    # --- preparing requests -----------------------------------------------------------------------
    settings: Settings
    base_url: URL | None
    version: HttpVersion
    http_version: str
    """The version in the request line."""
    default_headers: CIMultiDict[str]
    """The session's ``headers``, which the program may change at any time."""
    auto_headers: list[tuple[str, str]]
    """Headers that are added unless the request has them or ``skip_auto_headers`` names them."""
    skip_auto_headers: frozenset[str]
    auth: BasicAuth | None
    trust_env: bool
    propagation: Propagation | None
    """Which hosts receive the ids of the current context."""
    json_serialize: Callable[[Any], str]
    json_serialize_bytes: Callable[[Any], bytes] | None
    request_class: type[Any]

    # --- sending requests -------------------------------------------------------------------------
    loop: asyncio.AbstractEventLoop
    pool: Pool | None
    """None after the session was closed or detached."""
    middlewares: tuple[Any, ...]
    hop: Callable[[Any], Any]
    """The chain of handlers of one hop, from the outermost middleware to `wire`."""
    requote: bool
    """Whether the URLs of redirects are requoted."""
    retry_connection: bool = True
    """Whether a request is retried if the server has closed its reused connection."""

    # --- responses --------------------------------------------------------------------------------
    response_class: type[Any]
    new_response: Callable[[Any, Exchange], Any]
    """Makes the response of a call and an exchange, of that class."""
    ws_response_class: type[Any] | None
    fallback_charset: Callable[[Any, bytes], str]
    """Returns the charset of a body whose Content-Type has no charset parameter."""
    jar: AbstractCookieJar
    counts_cookies: bool
    """Whether the jar has no cookies for any request if its length is 0."""

    # --- listeners --------------------------------------------------------------------------------
    trace_configs: list[TraceConfig]
    observers: SessionObservers
    has_listeners: bool
    lone_config: TraceConfig | None
    """The TraceConfig, if it is the only listener of the session."""

    # --- state between requests -------------------------------------------------------------------
    pristine: bool
    """Whether the session has only defaults: it adds no cookies and no credentials."""
    targets: dict[str | URL, Target]
    """A cache of the targets of earlier requests."""
    headers_version: int
    """The version of the default headers for which the cached targets have header lines."""
    tasks: set[asyncio.Task[None]]
    """Background tasks; closing the session awaits them."""

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a background task; closing the session awaits it."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def auth_for(self, url: URL) -> BasicAuth | None:
        """The session's credentials, or those for the host in the netrc file."""
        if self.auth is not None:
            base = self.base_url
            if base is None or base.origin() == url.origin():
                return self.auth
        return self.netrc_for(url)

    def netrc_for(self, url: URL) -> BasicAuth | None:
        """The credentials for the host in the netrc file, if ``trust_env`` is set."""
        if not self.trust_env or url.host is None:
            return None
        from ..auth.basic import netrc_auth

        return netrc_auth(url.host)

    def adds_nothing(self) -> bool:
        """Whether the session adds no credentials, cookies or propagated ids to requests."""
        without = self.auth is None and not self.trust_env and self.propagation is None
        return without and not self.has_cookies()

    def has_cookies(self) -> bool:
        """Whether the jar may have cookies for a request."""
        return not self.counts_cookies or len(self.jar) > 0

    def keep_cookies(self, exchange: Exchange) -> None:
        """Store the cookies of a response in the jar."""
        self.pristine = False
        headers = exchange.response_headers.getall("Set-Cookie", ())
        self.jar.update_cookies_from_headers(headers, exchange.url)
