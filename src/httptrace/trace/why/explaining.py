"""`explain`: why the requests of a block of code took long, all together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from textwrap import fill
from typing import TYPE_CHECKING, Any

from ..observer import Recording
from ..timeline import Timeline
from .finding import Finding, duration, number
from .ranking import LEAST_SECONDS, all_of, findings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST_SHARE = 0.05
"""What costs less than this part of all requests is not told."""
_WIDTH = 80
_MOST_HOSTS = 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why requests took long: what `explain` returns. `str()` of it explains at length."""

    findings: tuple[Finding, ...]
    """The findings, the most expensive one first; each is about one or several requests."""
    requests: int
    """How many requests there were."""
    seconds: float
    """How long they took, in all."""

    def text(self, width: int = _WIDTH) -> str:
        """The findings at length, in lines of at most `width` columns."""
        lines = [self._heading()]
        for finding in self.findings:
            lines += ["", *_at_length(finding, self.requests, width)]
        return "\n".join(lines)

    def _heading(self) -> str:
        if not self.requests:
            return "No request has ended."
        took = f"{duration(self.seconds)}{' together' if self.requests > 1 else ''}"
        who = "The request" if self.requests == 1 else f"{self.requests} requests"
        return f"{who} took {took}. {'Why:' if self.findings else 'Nothing stands out.'}"

    def __str__(self) -> str:
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """The explanation for JSON; times in seconds."""
        return {
            "requests": self.requests,
            "seconds": self.seconds,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def explain(requests: Recording | Timeline | Iterable[Timeline]) -> Explanation:
    """Why the requests of a block of code took long::

        with httptrace.record() as recording:
            await work()
        print(httptrace.explain(recording))

    The same finding about many requests is one finding with a count. What cost less than 5 % of the
    time of all requests is left out. Of a single timeline it has the findings in `Timeline.why`.

    Raises
    ------
    TypeError
        If it is given something other than a `Recording`, a `Timeline` or several.
    """
    timelines = _timelines(requests)
    seconds = sum(timeline.total for timeline in timelines)
    if len(timelines) == 1:
        return Explanation(findings_of(timelines[0]), 1, seconds)
    least = max(LEAST_SECONDS, _LEAST_SHARE * seconds)
    found = [one for one in _merged(timelines) if one.seconds >= least]
    return Explanation(tuple(sorted(found, key=lambda one: -one.seconds)), len(timelines), seconds)


def _timelines(requests: Recording | Timeline | Iterable[Timeline]) -> list[Timeline]:
    if isinstance(requests, Timeline):
        return [requests]
    several: Any = requests.timelines if isinstance(requests, Recording) else requests
    timelines: list[Any] = list(several) if isinstance(several, Iterable) else [several]
    for one in timelines:
        if not isinstance(one, Timeline):
            raise TypeError(f"explain() takes a Recording, a Timeline or several, not {one!r}")
    return timelines


def _merged(timelines: list[Timeline]) -> Iterator[Finding]:
    """One finding for all that have the same code, advice and line of the program."""
    alike: dict[tuple[str, str, str | None], list[tuple[int, Finding]]] = {}
    for at, timeline in enumerate(timelines):
        for finding in all_of(timeline):
            key = finding.code, finding.advice, finding.where
            alike.setdefault(key, []).append((at, finding))
    for several in alike.values():
        worst = max((one for _, one in several), key=lambda one: one.seconds)
        yield replace(
            worst,
            seconds=sum(one.seconds for _, one in several),
            hosts=tuple(dict.fromkeys(host for _, one in several for host in one.hosts)),
            count=len({at for at, _ in several}),
        )


# --- as text --------------------------------------------------------------------------------------


def _at_length(finding: Finding, requests: int, width: int) -> Iterator[str]:
    many = "" if requests == 1 else f" in {finding.count} of {number(requests, 'request')}"
    yield f"{finding.code}: {duration(finding.seconds)}{many}{_hosts(finding.hosts)}"
    seen = finding.evidence if finding.count == 1 else f"at worst: {finding.evidence}"
    yield _filled("  ", seen, width)
    if finding.where is not None:
        yield f"  {finding.where}"
    yield _filled("  → ", finding.advice, width)


def _hosts(hosts: tuple[str, ...]) -> str:
    more = f" and {len(hosts) - _MOST_HOSTS} more" if len(hosts) > _MOST_HOSTS else ""
    return f", to {', '.join(hosts[:_MOST_HOSTS])}{more}"


def _filled(mark: str, text: str, width: int) -> str:
    """A sentence after a mark, in lines of at most `width` columns."""
    return fill(
        f"{text[0].upper()}{text[1:]}.",
        max(width, 40),
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
