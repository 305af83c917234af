"""`SessionCore`: what the calls of one session share."""

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

    `ClientSession` makes it and keeps it to itself: whatever a subclass calls its own attributes,
    requests find here what they need. `session` of a call is for callbacks alone.
    """

    # --- what requests are made of ----------------------------------------------------------------
    settings: Settings
    base_url: URL | None
    version: HttpVersion
    http_version: str
    """The version as the request line has it."""
    default_headers: CIMultiDict[str]
    """The headers that the user gave; he may change them at any time."""
    auto_headers: list[tuple[str, str]]
    """The headers that a request gets unless it has them or they are skipped."""
    skip_auto_headers: frozenset[str]
    auth: BasicAuth | None
    trust_env: bool
    propagation: Propagation | None
    """The hosts that may see the ids of the work that makes a request."""
    json_serialize: Callable[[Any], str]
    json_serialize_bytes: Callable[[Any], bytes] | None
    request_class: type[Any]

    # --- how they are sent ------------------------------------------------------------------------
    loop: asyncio.AbstractEventLoop
    pool: Pool | None
    """None after the session was closed or detached."""
    middlewares: tuple[Any, ...]
    hop: Callable[[Any], Any]
    """The chain of one hop, from the outermost middleware to the wire."""
    requote: bool
    """Whether the targets of redirects are quoted anew."""
    retry_connection: bool = True
    """Whether a request is sent again when its reused connection was dead."""

    # --- what their responses need ----------------------------------------------------------------
    response_class: type[Any]
    ws_response_class: type[Any] | None
    fallback_charset: Callable[[Any, bytes], str]
    """The charset of a body whose Content-Type names none."""
    jar: AbstractCookieJar
    counts_cookies: bool
    """Whether the jar can tell that it is empty."""

    # --- who listens ------------------------------------------------------------------------------
    trace_configs: list[TraceConfig]
    observers: SessionObservers
    has_listeners: bool
    lone_config: TraceConfig | None
    """The only listener of the session, if that is one TraceConfig: the usual case."""

    # --- what is kept between requests ------------------------------------------------------------
    pristine: bool
    """Nothing but defaults: requests get no cookies and no credentials of the session."""
    targets: dict[str | URL, Target]
    """Targets of URLs that were requested before."""
    headers_version: int
    """Of the default headers when the targets were made: their lines hold for that version."""
    tasks: set[asyncio.Task[None]]
    """Work that nobody awaits but the closing of the session."""

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run what no caller can await; closing the session awaits it."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def auth_for(self, url: URL) -> BasicAuth | None:
        """The session's credentials, or those that netrc has for the host."""
        if self.auth is not None:
            base = self.base_url
            if base is None or base.origin() == url.origin():
                return self.auth
        return self.netrc_for(url)

    def netrc_for(self, url: URL) -> BasicAuth | None:
        """The credentials that netrc has for the host, if the environment is trusted."""
        if not self.trust_env or url.host is None:
            return None
        from ..auth.basic import netrc_auth

        return netrc_auth(url.host)

    def adds_nothing(self) -> bool:
        """Whether requests get neither credentials nor cookies nor ids from the session."""
        without = self.auth is None and not self.trust_env and self.propagation is None
        return without and not self.has_cookies()

    def has_cookies(self) -> bool:
        """Whether the jar may have cookies for a request."""
        return not self.counts_cookies or len(self.jar) > 0

    def keep_cookies(self, exchange: Exchange) -> None:
        """Put the cookies of a response into the jar."""
        self.pristine = False
        headers = exchange.response_headers.getall("Set-Cookie", ())
        self.jar.update_cookies_from_headers(headers, exchange.url)
