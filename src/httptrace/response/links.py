"""The Link header (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from multidict import MultiDict, MultiDictProxy
from yarl import URL

from ..headers.mime import scan_parameters

__all__ = ["Links", "parse_links"]

Links: TypeAlias = "MultiDictProxy[MultiDictProxy[str | URL]]"
"""Links by their relation; each has its parameters and, as ``url``, its absolute target."""

_SEPARATORS = re.compile(r"[\s,]*")
_UP_TO_COMMA = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)*', re.DOTALL)


def parse_links(headers: Iterable[str], base: URL) -> Links:
    """The links that Link headers name, relative targets resolved against `base`.

    Keyed by relation as in aiohttp, by the target as it is written where there is no relation.
    A link with several relations (``rel="next last"``) stands under each of them (RFC 8288,
    section 3.3), and only its first ``rel`` counts. What is malformed is left out.
    """
    links: MultiDict[MultiDictProxy[str | URL]] = MultiDict()
    for header in headers:
        for target, parameters in _scan(header):
            link = _link(target, parameters, base)
            if link is not None:
                for relation in str(link.get("rel", "")).split() or (target,):
                    links.add(relation, link)
    return MultiDictProxy(links)


def _scan(header: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each target and its parameters. After something malformed, go on behind the next comma."""
    position = _skip(_SEPARATORS, header, 0)
    while position < len(header):
        if header[position] == "<":
            end = header.find(">", position)
            if end < 0:
                return
            parameters, after = scan_parameters(header, end + 1)
            yield header[position + 1 : end].strip(), parameters
            position = after
        position = _skip(_SEPARATORS, header, _skip(_UP_TO_COMMA, header, position))


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _link(
    target: str, parameters: list[tuple[str, str]], base: URL
) -> MultiDictProxy[str | URL] | None:
    try:
        url = base.join(URL(target))
    except ValueError:
        return None
    link: MultiDict[str | URL] = MultiDict()
    for name, value in parameters:
        # A parameter named url must not pass for the target.
        if name != "url" and not (name == "rel" and "rel" in link):
            link.add(name, value)
    link.add("url", url)
    return MultiDictProxy(link)
