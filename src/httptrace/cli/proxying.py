"""Which proxy a request uses: that of ``-x``, or that of the environment, as in curl."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..auth.basic import BasicAuth
from ..request.environment import bypasses_proxy, proxy_from_env
from .failures import USAGE, Failure

if TYPE_CHECKING:
    from yarl import URL

    from .arguments import Arguments


def proxy_of(arguments: Arguments, url: URL) -> dict[str, Any]:
    """The proxy options of a request to this URL. Its redirects use the same proxy."""
    if arguments.unix_socket is not None:
        return {}
    if arguments.no_proxy is not None and bypasses_proxy(url, arguments.no_proxy):
        return {}
    if arguments.proxy == "":
        return {}
    if arguments.proxy is not None:
        address = arguments.proxy if "://" in arguments.proxy else f"http://{arguments.proxy}"
        return _with_user({"proxy": address}, arguments)
    found = proxy_from_env(url)
    if found is None:
        return {}
    return _with_user({"proxy": found[0], "proxy_auth": found[1]}, arguments)


def _with_user(options: dict[str, Any], arguments: Arguments) -> dict[str, Any]:
    if arguments.proxy_user is not None:
        if arguments.proxy_auth is None:  # ask for a password once, and only if it is used
            arguments.proxy_auth = credentials(arguments.proxy_user, " at the proxy")
        options["proxy_auth"] = arguments.proxy_auth
    return options


def credentials(user: str, where: str = "") -> BasicAuth:
    """The credentials in ``USER:PASSWORD``. Without a password the terminal is asked for it.

    Raises
    ------
    Failure
        If they are not UTF-8, or no password is entered.
    """
    login, colon, password = user.partition(":")
    try:
        user.encode()
        if not colon and sys.stdin.isatty():
            from getpass import getpass

            password = getpass(f"Password of {login}{where}: ", sys.stderr)
    except UnicodeError:
        raise Failure(USAGE, "", "user name and password must be UTF-8") from None
    except EOFError:
        raise Failure(USAGE, "", f"no password was entered for {login}") from None
    return BasicAuth(login, password, "utf-8")
