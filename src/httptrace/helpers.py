"""Names of ``aiohttp.helpers``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import (
    BaseTimerContext,
    HeadersMixin,
    TimerNoop,
    basicauth_from_netrc,
    content_disposition_header,
    get_env_proxy_for_url,
    guess_filename,
    is_ip_address,
    netrc_from_env,
    noop,
    reify,
    sentinel,
    set_exception,
    set_result,
    strip_auth_from_url,
)
from .auth.basic import BasicAuth, encode_basic_auth
from .chain_map import ChainMapProxy
from .etag import ETag
from .headers.mime import MimeType, parse_mimetype
from .headers.mime import content_type_of as parse_content_type

__all__ = [
    "BaseTimerContext",
    "BasicAuth",
    "ChainMapProxy",
    "ETag",
    "HeadersMixin",
    "MimeType",
    "TimerNoop",
    "basicauth_from_netrc",
    "content_disposition_header",
    "encode_basic_auth",
    "get_env_proxy_for_url",
    "guess_filename",
    "is_ip_address",
    "netrc_from_env",
    "noop",
    "parse_content_type",
    "parse_mimetype",
    "reify",
    "sentinel",
    "set_exception",
    "set_result",
    "strip_auth_from_url",
]
