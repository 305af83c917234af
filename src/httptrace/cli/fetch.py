"""Makes the requests, one after the other over one session, and reports each when it is done."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..body.content_coding import codings_of, decoder_for
from ..pool.connectors import TCPConnector, UnixConnector
from ..session.session import ClientSession
from ..timeouts import ClientTimeout
from ..trace.why.explaining import explain
from ..version import HttpVersion10, HttpVersion11
from .failures import (
    BAD_AUTHORITIES,
    BAD_CODING,
    BAD_STATUS,
    INTERRUPTED,
    NOT_WRITTEN,
    Failure,
    failure_of,
    print_failure,
)
from .output import Sink, target_of
from .progress import progress_for
from .proxying import proxy_of
from .report import Outcome, json_line, report
from .resolving import PinnedResolver, pins_of
from .sending import Request, request_of, url_of
from .terminal import Terminal
from .watching import Watch

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from yarl import URL

    from ..pool.connector import BaseConnector
    from ..response.response import ClientResponse
    from ..trace.timeline import Timeline
    from .arguments import Arguments

_CONNECT_SECONDS = 300
"""The limit without --connect-timeout: curl's."""


def fetch_all(arguments: Arguments) -> int:
    """Make all requests; returns the exit code of the last one that failed, or 0.

    Raises
    ------
    Failure
        If the options are invalid.
    """
    request = request_of(arguments)
    pins = pins_of(arguments.resolve)
    trust = _trust(arguments)
    _warm_up(arguments.urls, trust)
    return asyncio.run(_Fetcher(arguments, request, trust).run(PinnedResolver(pins)))


def _trust(arguments: Arguments) -> ssl.SSLContext | bool:
    if arguments.insecure or arguments.cacert is None:
        return not arguments.insecure
    import ssl

    if not arguments.cacert:  # an empty cafile would trust the system's authorities
        raise Failure(BAD_AUTHORITIES, "tls", "--cacert needs the name of a file")
    try:
        context = ssl.create_default_context(cafile=arguments.cacert)
    except OSError as exc:
        text = f"--cacert {arguments.cacert} cannot be used: {exc.strerror or exc}"
        raise Failure(BAD_AUTHORITIES, "tls", text) from exc
    context.set_alpn_protocols(["http/1.1"])
    return context


def _warm_up(urls: list[str], trust: ssl.SSLContext | bool) -> None:
    """Load certificates and codecs now, so that their time is not counted as a request's."""
    if any(url.lower().startswith("https:") for url in urls):
        from ..net.tls import unverified_context, verified_context

        "localhost".encode("idna")  # loads the codec
        if trust is True:
            verified_context()
        elif trust is False:
            unverified_context()


class _Fetcher:
    def __init__(
        self, arguments: Arguments, request: Request, trust: ssl.SSLContext | bool
    ) -> None:
        self._arguments = arguments
        self._request = request
        self._trust = trust
        stream = sys.stderr if "-" in arguments.outputs else sys.stdout
        self._terminal = Terminal(stream, arguments.no_color)
        self._timelines: list[Timeline] = []

    async def run(self, resolver: PinnedResolver) -> int:
        arguments, code = self._arguments, 0
        resolver.prepare()
        async with self._session(resolver) as session:
            for _ in range(arguments.repeat):
                for number, url in enumerate(arguments.urls):
                    code = await self._fetch(session, number, url) or code
        await resolver.close()
        if arguments.why:
            with _written():
                self._terminal.say(explain(self._timelines).text(self._terminal.columns))
        return code

    def _session(self, resolver: PinnedResolver) -> ClientSession:
        arguments = self._arguments
        connector: BaseConnector
        if arguments.unix_socket is not None:
            connector = UnixConnector(arguments.unix_socket)
        else:
            connector = TCPConnector(resolver=resolver, family=_family(arguments.family))
        return ClientSession(
            connector=connector,
            timeout=ClientTimeout(
                total=arguments.timeout,
                connect=arguments.connect_timeout or _CONNECT_SECONDS,
            ),
            version=HttpVersion10 if arguments.http10 else HttpVersion11,
            auto_decompress=arguments.compressed,
        )

    async def _fetch(self, session: ClientSession, number: int, text: str) -> int:
        """Make and report one request; returns its exit code."""
        watch = Watch()
        sink = Sink("")
        response: ClientResponse | None = None
        failure: Failure | None = None
        try:
            url = url_of(text, self._request)
            sink = Sink(target_of(self._arguments.outputs, number, url))
            options = self._options(url)
            method = self._request.method
            async with session.request(method, url, **options, observers=[watch]) as response:
                failure = await self._receive(response, sink)
        except asyncio.CancelledError:
            failure = Failure(INTERRUPTED, watch.phase, "interrupted")
            raise
        except Failure as exc:
            failure = exc
        except Exception as exc:
            failure = failure_of(exc, watch.phase)
        finally:
            self._finish(Outcome(text, watch, response, sink.size, sink.target, failure))
        return 0 if failure is None else failure.code

    def _options(self, url: URL) -> dict[str, Any]:
        arguments, request = self._arguments, self._request
        return {
            **proxy_of(arguments, url),
            "headers": request.headers,
            "skip_auto_headers": request.left_out,
            "data": request.data,
            "auth": request.auth,
            "allow_redirects": arguments.location,
            # the client fails at redirect number max_redirects; 0 is no limit
            "max_redirects": arguments.max_redirects + 1,
            "ssl": self._trust,
        }

    async def _receive(self, response: ClientResponse, sink: Sink) -> Failure | None:
        """Read the body and write it to its target."""
        arguments = self._arguments
        failed = arguments.fail and response.status >= 400
        if failed:
            sink.target = ""
        if arguments.compressed:
            _check_coding(response.headers.get("Content-Encoding", ""))
        quiet = arguments.silent or sink.on_terminal
        progress = progress_for(response, quiet, arguments.no_color)
        try:
            with sink:
                async for piece in response.content.iter_any():
                    sink.write(piece)
                    progress.add(len(piece))
        finally:
            progress.close()
        if failed:
            return Failure(BAD_STATUS, "status", f"{response.status} {response.reason}".rstrip())
        return None

    def _finish(self, outcome: Outcome) -> None:
        arguments, failure = self._arguments, outcome.failure
        with _written():
            self._report(outcome)
        interrupted = failure is not None and failure.code == INTERRUPTED
        if failure is not None and not interrupted:
            if arguments.show_error or not arguments.silent:
                print_failure(failure)

    def _report(self, outcome: Outcome) -> None:
        arguments = self._arguments
        if arguments.why and outcome.watch.timeline is not None:
            self._timelines.append(outcome.watch.timeline)
        if arguments.json_timeline:
            print(json_line(outcome, arguments.verbose), flush=True)
            return
        include = arguments.include or arguments.head
        text = report(outcome, self._terminal.columns, arguments.verbose, include)
        if text:
            self._terminal.say(text)


@contextmanager
def _written() -> Iterator[None]:
    """Write a report: that it cannot be written is a `Failure`, unless nobody reads any more."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as exc:
        text = f"the report cannot be written: {exc.strerror or exc}"
        raise Failure(NOT_WRITTEN, "output", text) from exc


def _check_coding(coding: str) -> None:
    """Refuse a content coding that cannot be decoded, as curl does with --compressed."""
    if codings_of(coding) and decoder_for(coding) is None:
        raise Failure(BAD_CODING, "receive", f"the content coding {coding!r} is not supported")


def _family(number: int) -> int:
    import socket

    return {4: socket.AF_INET, 6: socket.AF_INET6}.get(number, socket.AF_UNSPEC)
