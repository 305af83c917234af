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
"""Links by relation type. Each maps parameter names to values, and ``url`` to its absolute URL."""

_SEPARATORS = re.compile(r"[\s,]*")
_UP_TO_COMMA = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)*', re.DOTALL)


def parse_links(headers: Iterable[str], base: URL) -> Links:
    """The links in Link headers; relative URLs are resolved against `base`.

    The key is the relation type, as in aiohttp, or the URL as written if the link has none. A link
    with several relation types (``rel="next last"``) is listed under each of them, and only its
    first ``rel`` parameter is used (RFC 8288, section 3.3). Malformed links are left out.
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
    """Each target and its parameters. After a malformed link, scanning resumes at a comma."""
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
        # A parameter named url must not replace the target.
        if name != "url" and not (name == "rel" and "rel" in link):
            link.add(name, value)
    link.add("url", url)
    return MultiDictProxy(link)
