"""`Propagation`: the outgoing requests that carry the ids of the running request or job."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from httptrace.local import scope
from httptrace.local.baggage import Baggage
from httptrace.local.header_names import checked_header_name
from httptrace.local.ids import is_printable_id
from httptrace.local.request import current_work, trace_of

if TYPE_CHECKING:
    from yarl import URL

PropagateTo: TypeAlias = "str | Iterable[str] | Callable[[URL], bool]"
"""Hosts: a name, several names, or a function that decides for a URL."""

LoosePropagation: TypeAlias = "Propagation | PropagateTo | Literal[False] | None"
"""What ``ClientSession(propagate=...)`` accepts; None and False send no ids."""

DEFAULT_HEADER = "X-Request-ID"

# Characters that end a URL's authority, delimit user information, or mean several hosts.
_NOT_IN_HOSTS = re.compile(r"[\s/\\?#@*%,]")


class Propagation:
    """The value of ``ClientSession(propagate=...)``: the hosts that receive ids, and the headers.

    :param to: the hosts: one name or several (``"api.example"``, ``"api.example:8443"``), the
        subdomains of a name (``".internal.example"`` or ``"*.internal.example"``; the name itself
        is not among them), or a function of the URL. A name without a port means every port.
    :param header: the header that carries the request id.
    :param trace: whether to send ``traceparent`` and ``tracestate`` (W3C Trace Context).
    :param baggage: whether to send ``baggage`` (W3C Baggage).
    :raises TypeError: `to` is none of these.
    :raises ValueError: a name is not a host name, or `header` cannot carry a request id.
    """

    __slots__ = ("_decide", "_hosts", "_suffixes", "baggage", "header", "trace")

    def __init__(
        self,
        to: PropagateTo,
        *,
        header: str = DEFAULT_HEADER,
        trace: bool = False,
        baggage: bool = False,
    ) -> None:
        self.header = checked_header_name(header)
        self.trace = trace
        self.baggage = baggage
        self._decide: Callable[[URL], bool] | None = None
        self._hosts: frozenset[tuple[str, int | None]] = frozenset()
        self._suffixes: tuple[tuple[str, int | None], ...] = ()
        if callable(to):
            self._decide = _checked_function(to)
        else:
            self._name_hosts(to)

    @classmethod
    def of(cls, value: LoosePropagation) -> Propagation | None:
        """Convert the ``propagate`` parameter; None and False mean that no ids are sent.

        :raises TypeError: and `ValueError`, as the constructor; TypeError also for True.
        """
        if value is None or value is False:
            return None
        if isinstance(value, bool):
            raise TypeError(
                "propagate=True would send ids to every host: name the hosts, or give a function "
                "of the URL"
            )
        return value if isinstance(value, Propagation) else cls(value)

    def __repr__(self) -> str:
        hosts = sorted(_shown(*host) for host in (*self._hosts, *self._suffixes))
        return f"<Propagation of {self.header} to {self._decide or ', '.join(hosts) or 'nobody'}>"

    def allows(self, url: URL) -> bool:
        """Whether a request to `url` may carry the ids."""
        if self._decide is not None:
            return _verdict(self._decide(url))
        host = (url.raw_host or "").rstrip(".")
        hosts = self._hosts
        if (host, None) in hosts or (host, url.port) in hosts:
            return True
        return any(
            host.endswith(suffix) and (port is None or port == url.port)
            for suffix, port in self._suffixes
        )

    def headers_for(self, url: URL) -> list[tuple[str, str]]:
        """The headers to add to a request to `url`: none if the host is not named, or outside of
        any request or job.

        Call it for each hop: a redirect to a host that is not named must not carry the ids.
        """
        work = current_work()
        request_id = work.get("id")
        if request_id is None:
            if scope.strict.warn_if_lost is not None:
                scope.strict.warn_if_lost()
            return []
        if not self.allows(url):
            return []
        headers = []
        # The program may have set any text as id; one that could break a header is not sent.
        if is_printable_id(text := str(request_id)):
            headers.append((self.header, text))
        if self.trace and (trace := trace_of(work)) is not None:
            headers.append(("traceparent", trace.traceparent))
            if trace.tracestate:
                headers.append(("tracestate", trace.tracestate))
        if self.baggage and (text := _baggage_text(work.get("baggage"))):
            headers.append(("baggage", text))
        return headers

    def _name_hosts(self, to: object) -> None:
        names = (to,) if isinstance(to, str) else to
        if isinstance(names, (bytes, bytearray)) or not isinstance(names, Iterable):
            raise TypeError(
                "propagate must be host names, a function of the URL or a Propagation, "
                f"not {type(to).__name__}"
            )
        parsed = [_parse_host(name) for name in names]
        self._hosts = frozenset((host, port) for host, port in parsed if host[0] != ".")
        self._suffixes = tuple((host, port) for host, port in parsed if host[0] == ".")


def _checked_function(decide: Callable[[URL], bool]) -> Callable[[URL], bool]:
    call = getattr(decide, "__call__", None)  # noqa: B004  (an object may have an async __call__)
    if inspect.iscoroutinefunction(decide) or inspect.iscoroutinefunction(call):
        raise TypeError("propagate: the function must not be a coroutine function")
    if isinstance(decide, type):
        raise TypeError(f"propagate: give an object, not the class {decide.__name__}")
    return decide


def _verdict(answer: object) -> bool:
    if inspect.isawaitable(answer):  # an awaitable is always true
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError("propagate: the function must return a bool, not an awaitable")
    return bool(answer)


def _baggage_text(baggage: object) -> str:
    """The header's value; the program may have set a plain mapping as baggage."""
    if isinstance(baggage, Mapping):
        return str(baggage if isinstance(baggage, Baggage) else Baggage(baggage))
    return str(Baggage.parse(baggage)) if isinstance(baggage, str) else ""


def _parse_host(name: object) -> tuple[str, int | None]:
    """A host as ``URL.raw_host`` has it, with a leading dot for its subdomains, and its port."""
    from yarl import URL

    if not isinstance(name, str):
        raise TypeError(f"propagate: a host name must be a str, not {type(name).__name__}")
    text = name[1:] if name.startswith("*.") else name
    suffix = text.startswith(".")
    text = text[1:] if suffix else text
    if text.count(":") > 1 and "[" not in text:
        text = f"[{text}]"  # an IPv6 address
    try:
        url = URL(f"//{text}")
        host, port = (url.raw_host or "").rstrip("."), url.explicit_port
    except ValueError:
        raise _not_a_host(name) from None
    if not host or ".." in text or text[0] == "." or _NOT_IN_HOSTS.search(text):
        raise _not_a_host(name)
    return ("." + host if suffix else host), port


def _not_a_host(name: str) -> ValueError:
    return ValueError(
        f"propagate: {name!r:.100} is not a host name; write 'api.example', 'api.example:8443' or "
        "'.internal.example'"
    )


def _shown(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"
