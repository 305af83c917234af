"""How names of received header fields are spelled: those of `hdrs` as there, all others as sent."""

from __future__ import annotations

_MOST = 1000
"""How many spellings are cached: a server must not fill the memory with names."""


class _Spellings(dict[str, str]):
    """Names as sent, and as they are shown. A name that is missing is looked up in `hdrs`."""

    def __missing__(self, name: str) -> str:
        known = _known or _load()
        spelled = known.get(name.lower(), name)
        if len(self) < _MOST:
            self[name] = spelled
        return spelled


def _load() -> dict[str, str]:
    from .. import hdrs

    names = [one for key, one in vars(hdrs).items() if key.isupper() and isinstance(one, str)]
    _known.update({name.lower(): name for name in names})
    return _known


_known: dict[str, str] = {}
SPELLED = _Spellings()
"""``SPELLED["content-type"]`` is ``"Content-Type"``."""
