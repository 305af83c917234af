"""`detached_core`: settings and defaults for a request that belongs to no session."""

from __future__ import annotations

from json import dumps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from ..call.core import SessionCore
from ..call.settings import Settings
from ..headers.limits import HeadLimits
from ..request.options import timeout_settings
from ..response.response import ClientResponse
from ..timeouts import DEFAULT_TIMEOUT
from .arguments import auto_headers, checked_version, session_proxies
from .session import USER_AGENT

if TYPE_CHECKING:
    import asyncio


_SCHEMES = frozenset({"http", "https", "ws", "wss", "tcp", "unix", "npipe"})


def detached_core(
    version: Any, trust_env: bool, loop: asyncio.AbstractEventLoop | None
) -> SessionCore:
    """What a session without parameters gives its requests: nothing but automatic headers."""
    core: Any = SessionCore()
    core.settings = Settings(
        *timeout_settings(DEFAULT_TIMEOUT),
        limits=HeadLimits(),
        read_bufsize=1 << 16,
        pause_above=1 << 17,
        auto_decompress=True,
        max_decoded_size=0,
        raise_for_status=False,
        allow_redirects=True,
        max_redirects=10,
        ssl=True,
        server_hostname=None,
        proxies=session_proxies(None, None, None, trust_env, None),
    )
    core.base_url = core.auth = core.propagation = core.json_serialize_bytes = None
    core.version = checked_version(version)
    core.http_version = f"{core.version[0]}.{core.version[1]}"
    core.json_serialize = dumps
    core.trust_env, core.pristine = trust_env, False
    core.skip_auto_headers = frozenset()
    core.default_headers, core.headers_version = CIMultiDict(), -1
    core.jar, core.counts_cookies = _NO_COOKIES, True
    core.auto_headers = auto_headers(False, core.version, USER_AGENT)
    core.targets, core.loop, core.response_class = {}, loop, ClientResponse
    core.pool = SimpleNamespace(force_close=False, schemes=_SCHEMES)  # it connects to nothing
    return core  # type: ignore[no-any-return]


class _NoCookies:
    """A jar that is always empty, and needs no event loop."""

    quote_cookie = True

    def __len__(self) -> int:
        return 0

    def filter_cookies(self, request_url: Any) -> dict[str, Any]:
        """No cookies for any URL."""
        return {}


_NO_COOKIES = _NoCookies()
