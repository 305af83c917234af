"""`ChainMapProxy`: a read-only view of several mappings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class ChainMapProxy(Mapping[Any, Any]):
    """A read-only view of several mappings (aiohttp's documentation).

    A key has the value of the first mapping that contains it. Changes of the mappings are visible
    in the view.
    """

    __slots__ = ("_maps",)

    def __init__(self, maps: Iterable[Mapping[Any, Any]]) -> None:
        self._maps = tuple(maps)

    def __getitem__(self, key: Any) -> Any:
        for each in self._maps:
            if key in each:
                return each[key]
        raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        return iter({key: None for each in reversed(self._maps) for key in each})

    def __len__(self) -> int:
        return len(set().union(*self._maps))

    def __repr__(self) -> str:
        return f"ChainMapProxy({', '.join(map(repr, self._maps))})"
