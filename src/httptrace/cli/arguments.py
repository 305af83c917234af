"""The command's options. They have curl's letters and names where curl has the option."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..version import __version__
from .failures import USAGE, Failure, print_warning

if TYPE_CHECKING:
    from ..auth.basic import BasicAuth

_DESCRIPTION = "Make HTTP requests and see where their time goes."
_EPILOG = (
    "The options mean what they mean in curl. The body is counted, and printed only with -o. "
    "The exit codes are curl's; docs/cli.md lists them."
)


class Arguments(argparse.Namespace):
    """The values of the options."""

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
    cookies: list[str]
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
    """The credentials in `proxy_user`; None until a request needs them."""
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
    why: bool
    no_color: bool

    def warn(self, text: str) -> None:
        """Print a warning, unless --silent was given."""
        if not self.silent:
            print_warning(text)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Failure(USAGE, "", f"{message} (see httptrace --help)")


class _Data(argparse.Action):
    """Collects -d, --data-raw, --json and the like in one list, in their order."""

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
    """The options, checked as far as this is possible without sending anything.

    Raises
    ------
    Failure
        With `USAGE`, if an option is unknown, malformed, or excludes another one.
    """
    words = _joined(argv)
    arguments = _parser().parse_intermixed_args(words, namespace=Arguments())
    if arguments.json_timeline and "-" in arguments.outputs:
        raise Failure(USAGE, "", "--json-timeline and -o - both write to standard output")
    if arguments.json_timeline and arguments.why:
        raise Failure(USAGE, "", "--json-timeline has the findings of --why: leave --why out")
    if arguments.get and any(name == "--json" for name, _ in arguments.data):
        raise Failure(USAGE, "", "-G and --json exclude each other")
    if arguments.form and (arguments.data or arguments.get or arguments.head):
        raise Failure(USAGE, "", "-F excludes -d, -G and -I")
    if arguments.head and arguments.data and not arguments.get:
        raise Failure(USAGE, "", "-I and -d exclude each other")
    if len(arguments.outputs) > len(arguments.urls):
        arguments.warn("there are more -o and -O than URLs; those at the end are not used")
    return arguments


def _joined(argv: Sequence[str]) -> list[str]:
    """The arguments with ``--max-redirs -1`` as one: argparse takes -1 for an option."""
    words: list[str] = []
    for word in argv:
        if word == "-1" and words[-1:] == ["--max-redirs"]:
            words[-1] = "--max-redirs=-1"
        else:
            words.append(word)
    return words


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="httptrace", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument(
        "urls",
        nargs="+",
        metavar="URL",
        help="the address; http:// is put before it if it has no scheme",
    )
    parser.add_argument("-V", "--version", action="version", version=f"httptrace {__version__}")
    _add_request(parser.add_argument_group("request"))
    _add_connection(parser.add_argument_group("connection"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _add_request(group: Any) -> None:
    add = group.add_argument
    add(
        "-X",
        "--request",
        dest="method",
        metavar="METHOD",
        help="the method; default GET, or POST with -d and -F",
    )
    add(
        *("-H", "--header"),
        dest="headers",
        action="append",
        default=[],
        metavar="LINE",
        help="a header: 'Name: value'; 'Name:' removes a default header, 'Name;' sends it with an "
        "empty value, @FILE reads headers from a file",
    )
    _add_body(add)
    add(
        "-G",
        "--get",
        action="store_true",
        help="append the data of -d to the URL's query and send a GET",
    )
    add(
        "-I",
        "--head",
        action="store_true",
        help="send a HEAD request and show the response's headers",
    )
    add("-u", "--user", metavar="USER:PASSWORD", help="credentials for Basic authentication")
    add("-A", "--user-agent", metavar="NAME", help="the User-Agent header; '' sends none")
    add("-r", "--range", metavar="RANGE", help="request these bytes only, such as 0-99")
    add("-e", "--referer", metavar="URL", help="the Referer header")
    add(
        *("-b", "--cookie"),
        dest="cookies",
        action="append",
        default=[],
        metavar="DATA",
        help="cookies to send: 'name=value; name=value'; several -b are joined",
    )
    add("--compressed", action="store_true", help="ask for a compressed body and decompress it")
    add("--http1.0", "-0", dest="http10", action="store_true", help="send the request as HTTP/1.0")
    add(
        "--http1.1",
        dest="http10",
        action="store_false",
        help="send the request as HTTP/1.1; the default",
    )
    add("-L", "--location", action="store_true", help="follow redirects")
    add(
        "--max-redirs",
        dest="max_redirects",
        type=_redirects,
        default=50,
        metavar="N",
        help="follow N redirects at most; default 50, -1 for no limit",
    )


def _add_body(add: Any) -> None:
    data = {"dest": "data", "action": _Data, "default": [], "metavar": "DATA"}
    add(
        "-d",
        "--data",
        "--data-ascii",
        help="POST this form; @FILE reads it from a file, @- from standard input",
        **data,
    )
    add("--data-binary", help="like -d, but line breaks of files are kept", **data)
    add("--data-raw", help="like -d, but @ has no special meaning", **data)
    add("--data-urlencode", help="like -d, percent-encoded: TEXT, NAME=TEXT or NAME@FILE", **data)
    add("--json", help="POST this JSON, with its Content-Type and Accept; @FILE, @-", **data)
    add(
        *("-F", "--form"),
        dest="form",
        action="append",
        default=[],
        metavar="FIELD",
        help="POST a multipart form: NAME=TEXT, NAME=@FILE[,FILE], NAME=<FILE; then ';type=…', "
        "';filename=…', ';headers=…'",
    )


def _add_connection(group: Any) -> None:
    add = group.add_argument
    add("-k", "--insecure", action="store_true", help="do not verify certificates")
    add("--cacert", metavar="FILE", help="trust only the certificate authorities in this PEM file")
    add(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST:PORT:ADDRESS[,ADDRESS]",
        help="use these addresses for the host instead of looking it up",
    )
    add(
        "--unix-socket",
        metavar="PATH",
        help="connect to this Unix socket instead of the URL's host",
    )
    add(
        "-x",
        "--proxy",
        metavar="URL",
        help="use this proxy; '' uses none; default: http_proxy and the like",
    )
    add("-U", "--proxy-user", metavar="USER:PASSWORD", help="credentials for the proxy")
    add(
        "--noproxy",
        dest="no_proxy",
        metavar="HOSTS",
        help="use no proxy for these hosts; * for all hosts",
    )
    add(
        "-4",
        "--ipv4",
        dest="family",
        action="store_const",
        const=4,
        default=0,
        help="use IPv4 only",
    )
    add("-6", "--ipv6", dest="family", action="store_const", const=6, help="use IPv6 only")
    add(
        *("-m", "--timeout", "--max-time"),
        dest="timeout",
        type=_seconds,
        metavar="SECONDS",
        help="the time limit of the whole request; default none",
    )
    add(
        "--connect-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="the time limit until a connection is ready; default 300",
    )


def _add_output(group: Any) -> None:
    add = group.add_argument
    add(
        *("-o", "--output"),
        dest="outputs",
        action="append",
        default=[],
        metavar="FILE",
        help="write the body to this file, - for standard output; one for each URL",
    )
    add(
        *("-O", "--remote-name"),
        dest="outputs",
        action="append_const",
        const=None,
        help="write the body to a file with the name at the end of the URL's path",
    )
    add("-v", "--verbose", action="store_true", help="show all headers that are sent and received")
    add("-i", "--include", action="store_true", help="show the response's headers")
    add("-N", "--no-buffer", action="store_true", help="write output at once; the default")
    add(
        "-s",
        "--silent",
        action="store_true",
        help="print no errors, no warnings and no progress bar",
    )
    add("-S", "--show-error", action="store_true", help="print errors even with -s")
    add("-f", "--fail", action="store_true", help="exit with 22 if the status is 400 or above")
    add(
        "--repeat",
        type=_count,
        default=1,
        metavar="N",
        help="make each request N times, to see connections reused",
    )
    add("--json-timeline", action="store_true", help="print one line of JSON for each request")
    add(
        "--why",
        action="store_true",
        help="explain after the last request why requests took long, and what to do",
    )
    add(
        "--no-color",
        "--no-colour",
        dest="no_color",
        action="store_true",
        help="print without colors",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
        if value >= 0:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def _count(text: str) -> int:
    if _is_whole(text) and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _redirects(text: str) -> int:
    if text == "-1" or _is_whole(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor -1")
