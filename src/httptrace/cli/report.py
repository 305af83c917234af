"""The report of a request: heads, waterfall and size of the body, as text or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ..masking import mask_header, mask_url
from ..trace.waterfall import draw
from .terminal import as_unicode, printable

if TYPE_CHECKING:
    from ..response.response import ClientResponse
    from .failures import Failure
    from .watching import Head, Watch


class Outcome(NamedTuple):
    """A request that has ended, and how."""

    url: str
    watch: Watch
    response: ClientResponse | None
    body_size: int
    """Bytes after decoding."""
    target: str
    """The file that the body was written to, "-" for standard output, empty for none."""
    failure: Failure | None


def report(outcome: Outcome, columns: int, verbose: bool, include: bool) -> str:
    """The report as text; empty if no request was begun."""
    timeline = outcome.watch.timeline
    if timeline is None:
        return ""
    lines = [
        line
        for head in outcome.watch.heads
        if verbose or (include and not head.sent)
        for line in _head(head)
    ]
    lines += [draw(timeline, columns), *_body(outcome)]
    return "\n".join(lines) + "\n"


def _head(head: Head) -> list[str]:
    mark = ">" if head.sent else "<"
    words = head.line.split(" ")
    if head.sent and len(words) == 3:
        words[1] = mask_url(words[1])
    fields = [f"{name}: {mask_header(name, value)}" for name, value in head.fields]
    lines = [f"{mark} {printable(line)}" for line in [" ".join(words), *fields]]
    return [*lines, mark]


def _body(outcome: Outcome) -> list[str]:
    response, size = outcome.response, outcome.body_size
    if response is None or not size:
        return []
    kind = printable(response.headers.get("Content-Type", ""))
    coding = response.headers.get("Content-Encoding")
    received = response.content.total_raw_bytes
    coded = f", {received:,} bytes as {printable(coding)}" if coding and received != size else ""
    where = f", in {outcome.target}" if outcome.target not in ("", "-") else ""
    what = f"{size:,} byte{'' if size == 1 else 's'}{f' of {kind}' if kind else ''}"
    return [f"  body      {what}{coded}{where}"]


def json_line(outcome: Outcome, verbose: bool) -> str:
    """The report as one line of JSON: docs/cli.md describes it."""
    timeline, failure = outcome.watch.timeline, outcome.failure
    line: dict[str, Any] = {
        "url": as_unicode(mask_url(outcome.url)),
        "status": None if outcome.response is None else outcome.response.status,
        "exit_code": 0 if failure is None else failure.code,
        "error": None if failure is None else _error_as_dict(failure),
        "body_size": outcome.body_size,
        "timeline": None if timeline is None else timeline.to_dict(),
    }
    if verbose:
        line["heads"] = [_head_as_dict(head) for head in outcome.watch.heads]
    return json.dumps(line)


def _error_as_dict(failure: Failure) -> dict[str, str]:
    return {"phase": failure.phase, "message": as_unicode(str(failure))}


def _head_as_dict(head: Head) -> dict[str, Any]:
    fields = [[name, as_unicode(mask_header(name, value))] for name, value in head.fields]
    line = _head(head)[0][2:]
    return {"attempt": head.attempt, "sent": head.sent, "line": line, "headers": fields}
