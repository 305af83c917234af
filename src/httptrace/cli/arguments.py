"""The command's arguments: curl's letters and names, where curl has them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..version import __version__
from .failures import USAGE, Failure

if TYPE_CHECKING:
    from ..auth.basic import BasicAuth

_DESCRIPTION = "Make HTTP requests and see where their time goes."
_EPILOG = (
    "Options mean what they mean to curl. The body is read and counted, and shown only with -o. "
    "Exit codes are curl's as well; docs/cli.md lists them."
)


class Arguments(argparse.Namespace):
    """What was asked for on the command line."""

    urls: list[str]
    method: str | None
    headers: list[str]
    data: list[tuple[str, str]]
    form: list[str]
    get: bool
    head: bool
    user: str | None
    user_agent: str | None
    referer: str | None
    range: str | None
    cookie: str | None
    compressed: bool
    http10: bool
    location: bool
    max_redirects: int
    insecure: bool
    cacert: str | None
    resolve: list[str]
    unix_socket: str | None
    proxy: str | None
    proxy_user: str | None
    proxy_auth: BasicAuth | None = None
    """What `proxy_user` came to, once it was needed."""
    no_proxy: str | None
    family: int
    timeout: float | None
    connect_timeout: float | None
    outputs: list[str | None]
    verbose: bool
    include: bool
    silent: bool
    show_error: bool
    fail: bool
    repeat: int
    json_timeline: bool
    no_color: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Failure(USAGE, "", f"{message} (httptrace --help tells more)")


class _Data(argparse.Action):
    """Keeps -d and its kin in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        name = "--data" if option_string in ("-d", "--data-ascii") else option_string
        namespace.data = [*(namespace.data or []), (name, values)]


def parse(argv: Sequence[str]) -> Arguments:
    """The arguments, checked as far as they can be on their own.

    Raises
    ------
    Failure
        With `USAGE`, naming what is wrong.
    """
    words = _joined(argv)
    arguments = _parser().parse_intermixed_args(words, namespace=Arguments())
    if arguments.json_timeline and "-" in arguments.outputs:
        raise Failure(USAGE, "", "--json-timeline and -o - both want standard output")
    if arguments.get and any(name == "--json" for name, _ in arguments.data):
        raise Failure(USAGE, "", "-G and --json exclude each other")
    if arguments.form and (arguments.data or arguments.get or arguments.head):
        raise Failure(USAGE, "", "-F excludes -d, -G and -I")
    if arguments.head and arguments.data and not arguments.get:
        raise Failure(USAGE, "", "-I and -d exclude each other")
    return arguments


def _joined(argv: Sequence[str]) -> list[str]:
    """The words; argparse would take the -1 of --max-redirs for an option."""
    words: list[str] = []
    for word in argv:
        if word == "-1" and words[-1:] == ["--max-redirs"]:
            words[-1] = "--max-redirs=-1"
        else:
            words.append(word)
    return words


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="httptrace", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument("urls", nargs="+", metavar="URL", help="http:// is assumed if it lacks")
    parser.add_argument("-V", "--version", action="version", version=f"httptrace {__version__}")
    _add_request(parser.add_argument_group("the request"))
    _add_connection(parser.add_argument_group("the connection"))
    _add_output(parser.add_argument_group("what is shown"))
    return parser


def _add_request(group: Any) -> None:
    add = group.add_argument
    add("-X", "--request", dest="method", metavar="METHOD", help="GET, or POST with -d")
    add(
        *("-H", "--header"),
        dest="headers",
        action="append",
        default=[],
        metavar="LINE",
        help="'Name: value'; 'Name:' leaves a default one out, 'Name;' sends it empty, "
        "@FILE reads lines",
    )
    _add_data(add)
    add(
        *("-F", "--form"),
        dest="form",
        action="append",
        default=[],
        metavar="FIELD",
        help="a multipart form to POST: NAME=TEXT, NAME=@FILE, NAME=<FILE; ';type=…' and "
        "';filename=…' may follow",
    )
    add("-G", "--get", action="store_true", help="put the data into the URL's query")
    add("-I", "--head", action="store_true", help="HEAD, and show the response's headers")
    add("-u", "--user", metavar="USER:PASSWORD", help="basic authentication")
    add("-A", "--user-agent", metavar="NAME", help="the User-Agent header")
    add("-r", "--range", metavar="RANGE", help="these bytes alone, such as 0-99")
    add("-e", "--referer", metavar="URL", help="the Referer header")
    add("-b", "--cookie", metavar="DATA", help="'name=value; name=value'")
    add("--compressed", action="store_true", help="ask for compression and undo it")
    add("--http1.0", "-0", dest="http10", action="store_true", help="speak HTTP/1.0")
    add("--http1.1", dest="http10", action="store_false", help="speak HTTP/1.1; the default")
    add("-L", "--location", action="store_true", help="follow redirects")
    add(
        "--max-redirs",
        dest="max_redirects",
        type=_redirects,
        default=50,
        metavar="N",
        help="default 50; -1 for no limit",
    )


def _add_data(add: Any) -> None:
    data = {"dest": "data", "action": _Data, "default": [], "metavar": "DATA"}
    add("-d", "--data", "--data-ascii", help="a form to POST; @FILE, @- for standard input", **data)
    add("--data-binary", help="the same, line breaks of files kept", **data)
    add("--data-raw", help="the same, @ has no meaning", **data)
    add("--data-urlencode", help="TEXT, NAME=TEXT or NAME@FILE, percent-encoded", **data)
    add("--json", help="JSON to POST, with the headers that belong to it; @FILE, @-", **data)


def _add_connection(group: Any) -> None:
    add = group.add_argument
    add("-k", "--insecure", action="store_true", help="accept any certificate")
    add("--cacert", metavar="FILE", help="trust the authorities in this file (PEM) alone")
    add(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST:PORT:ADDRESS[,ADDRESS]",
        help="these addresses instead of a look-up",
    )
    add("--unix-socket", metavar="PATH", help="connect to this socket, whatever the URL's host")
    add("-x", "--proxy", metavar="URL", help="by this proxy; '' by none; default: as http_proxy, …")
    add("-U", "--proxy-user", metavar="USER:PASSWORD", help="credentials for the proxy")
    add("--noproxy", dest="no_proxy", metavar="HOSTS", help="by no proxy to these; * for all")
    add("-4", "--ipv4", dest="family", action="store_const", const=4, default=0, help="IPv4 alone")
    add("-6", "--ipv6", dest="family", action="store_const", const=6, help="IPv6 alone")
    add(
        *("-m", "--timeout", "--max-time"),
        dest="timeout",
        type=_seconds,
        metavar="SECONDS",
        help="for the whole request; default none",
    )
    add(
        "--connect-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="until it can be sent; default 300",
    )


def _add_output(group: Any) -> None:
    add = group.add_argument
    add(
        *("-o", "--output"),
        dest="outputs",
        action="append",
        default=[],
        metavar="FILE",
        help="where the body goes; - for standard output; one for each URL",
    )
    add(
        *("-O", "--remote-name"),
        dest="outputs",
        action="append_const",
        const=None,
        help="the body goes to a file named like the end of the URL's path",
    )
    add("-v", "--verbose", action="store_true", help="show all headers, sent and received")
    add("-i", "--include", action="store_true", help="show the response's headers")
    add("-N", "--no-buffer", action="store_true", help="nothing is held back; the default")
    add("-s", "--silent", action="store_true", help="no errors, no progress bar")
    add("-S", "--show-error", action="store_true", help="errors even with -s")
    add("-f", "--fail", action="store_true", help="exit code 22 if the status is 400 or above")
    add("--repeat", type=_count, default=1, metavar="N", help="N times, to see connections reused")
    add("--json-timeline", action="store_true", help="one line of JSON for each request")
    add("--no-color", "--no-colour", dest="no_color", action="store_true", help="plain text")


def _seconds(text: str) -> float:
    try:
        value = float(text)
        if value >= 0:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")


def _count(text: str) -> int:
    if _is_whole(text) and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _redirects(text: str) -> int:
    if text == "-1" or _is_whole(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number, and not -1")
