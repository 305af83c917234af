"""An entry of a HAR file: one attempt of a request (HTTP Archive 1.2, and what Chrome adds)."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from yarl import URL

from ..masking import MASK, mask_header, mask_headers, mask_url
from .bodies import body_of
from .stored import stored_hop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..trace.hop import Hop
    from .bodies import Body
    from .exporter import Attempt
    from .har import Ended

_MOST_HEADER = 16_384
"""How many characters of a header are written."""
Pairs = list[tuple[str, str]]


def entry_of(attempt: Attempt, ended: Ended, offset_ns: int, limit: int) -> dict[str, Any]:
    """The entry of an attempt; `limit` is how many bytes of a body are written."""
    hop, event = attempt.hop, ended.event
    sent, received = ended.bodies.get(hop.attempt, (None, None))
    request_headers, response_headers = [*attempt.request_headers], [*attempt.response_headers]
    entry: dict[str, Any] = {
        "startedDateTime": _iso(hop.start_ns + offset_ns),
        **_times(hop),
        "request": _request(attempt, request_headers, _body(sent, request_headers, limit)),
        "response": _response(hop, response_headers, _body(received, response_headers, limit)),
        "cache": {},
        "_resourceType": "websocket" if hop.status == 101 else "fetch",
        "_httptrace": {
            "request_id": event.request_id,
            "context_id": event.context_id,
            "outcome": event.outcome,
            "hop": stored_hop(hop),
        },
    }
    if (address := _ip(hop)) is not None:
        entry["serverIPAddress"] = address
    if hop.connection_id is not None:
        entry["connection"] = entry["_connectionId"] = str(hop.connection_id)
    if ended.messages is not None and hop.status == 101:
        entry["_webSocketMessages"] = _messages(ended, offset_ns)
    if ended.initiator is not None:
        entry["_initiator"] = _initiator(ended.initiator)
    return entry


def _iso(epoch_ns: int) -> str:
    when = datetime.fromtimestamp(epoch_ns / 1e9, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _times(hop: Hop) -> dict[str, Any]:
    """`time` and `timings`, in milliseconds. TLS is a part of `connect` and not added."""
    ns = hop.phases_ns
    connecting = [ns[phase] for phase in ("connect", "tls") if phase in ns]
    timings = {
        "blocked": _ms(ns.get("queue")),
        "dns": _ms(ns.get("dns")),
        "connect": _ms(sum(connecting) if connecting else None),
        "send": _ms(ns.get("send", 0)),
        "wait": _ms(ns.get("wait", 0)),
        "receive": _ms(ns.get("receive", 0)),
    }
    time = sum(value for value in timings.values() if value != -1)
    queued = {"_blocked_queueing": _ms(hop.pool_wait_ns)}
    return {"time": time, "timings": {**timings, "ssl": _ms(ns.get("tls")), **queued}}


def _ms(ns: int | None) -> float:
    """Milliseconds; -1 for a phase that was not."""
    return -1 if ns is None else ns / 1e6


def _request(attempt: Attempt, headers: Pairs, body: Body | None) -> dict[str, Any]:
    hop = attempt.hop
    url = mask_url(hop.url)
    request: dict[str, Any] = {
        "method": hop.method,
        "url": url,
        "httpVersion": hop.protocol.upper(),
        "cookies": _cookies(headers, "cookie"),
        "headers": _headers(headers),
        "queryString": [_pair(name, value) for name, value in URL(url).query.items()],
        "headersSize": len(attempt.record.head_sent) or -1,
        "bodySize": hop.body_sent,
    }
    if body is not None:
        text = body.text if body.text is not None else b64encode(body.data).decode()
        request["postData"] = {"mimeType": _value(headers, "content-type"), "text": text}
        if body.text is None:
            request["postData"]["_encoding"] = "base64"
        if body.cut:
            request["postData"]["comment"] = _CUT
    return request


_CUT = "there was more than the limit that was asked for"


def _response(hop: Hop, headers: Pairs, body: Body | None) -> dict[str, Any]:
    known = hop.bytes_received > 0
    response: dict[str, Any] = {
        "status": hop.status or 0,
        "statusText": hop.reason,
        "httpVersion": hop.protocol.upper() if hop.status else "",
        "cookies": _cookies(headers, "set-cookie"),
        "headers": _headers(headers),
        "content": _content(hop, headers, body),
        "redirectURL": mask_header("Location", _value(headers, "location")),
        "headersSize": -1,
        "bodySize": hop.body_received if known else -1,
        "_transferSize": hop.bytes_received if known else -1,
    }
    if (error := hop.error) is not None:
        response["_error"] = error
    return response


def _content(hop: Hop, headers: Pairs, body: Body | None) -> dict[str, Any]:
    content: dict[str, Any] = {
        "size": hop.body_received,
        "mimeType": _value(headers, "content-type") or "x-unknown",
    }
    if body is not None:
        content["size"] = len(body.data)
        if body.text is None:
            content["text"], content["encoding"] = b64encode(body.data).decode(), "base64"
        else:
            content["text"] = body.text
        if body.cut:
            content["comment"] = _CUT
    return content


def _headers(headers: Pairs) -> list[dict[str, str]]:
    return [_pair(name, value[:_MOST_HEADER]) for name, value in mask_headers(headers)]


def _pair(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _value(headers: Iterable[tuple[str, str]], wanted: str) -> str:
    """The value of the first header with this name; empty without it."""
    return next((value for name, value in headers if name.lower() == wanted), "")


def _cookies(headers: Pairs, wanted: str) -> list[dict[str, Any]]:
    """The names of cookies. Their values are secret."""
    names: list[str] = []
    for name, value in headers:
        if name.lower() == wanted:
            try:
                names.extend(SimpleCookie(value))
            except CookieError:
                names.append(value.partition("=")[0])
    return [{"name": name, "value": MASK} for name in names]


def _body(collected: Any, headers: Pairs, limit: int) -> Body | None:
    encoding = _value(headers, "content-encoding")
    return body_of(collected, _value(headers, "content-type"), encoding, limit)


def _ip(hop: Hop) -> str | None:
    """The peer's IP address alone, as the schema has it."""
    if hop.address is None:
        return None
    host = hop.address.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        return str(ip_address(host))
    except ValueError:  # a Unix socket
        return None


def _messages(ended: Ended, offset_ns: int) -> list[dict[str, Any]]:
    """A WebSocket's messages as Chrome has them: times in seconds since the epoch."""
    return [
        {
            "type": way,
            "time": (time_ns + offset_ns) / 1e9,
            "opcode": opcode,
            "data": data if isinstance(data, str) else b64encode(data).decode(),
        }
        for way, time_ns, opcode, data in ended.messages or ()
    ]


def _initiator(site: str) -> dict[str, Any]:
    """The line of the program, as Chrome has the stack of a script."""
    place, _, function = site.partition(" in ")
    file, _, line = place.rpartition(":")
    frame = {
        "functionName": function,
        "url": file,
        "lineNumber": int(line) - 1,
        "columnNumber": 0,
        "scriptId": "0",
    }
    return {"type": "script", "stack": {"callFrames": [frame]}}
