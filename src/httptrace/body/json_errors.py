"""JSON that cannot be parsed: what the error says about where the JSON came from."""

from __future__ import annotations

import json

from ..masking import mask_text

__all__ = ["explain_json_error"]

_SHOWN = 60


def explain_json_error(
    error: ValueError, text: str, *, source: str, content_type: str | None
) -> None:
    """Add to the error what was parsed: its source, its type and how it begins.

    `source` is a phrase such as "the response of https://…", without secrets. The error keeps its
    class and its attributes (`doc`, `pos`, ...), and its text begins as it did. An error of another
    class than json.JSONDecodeError gets a note (PEP 678) instead of a longer text.
    """
    start = mask_text(text[: _SHOWN + 1])
    begins = f"{start[:_SHOWN]!r}…" if len(start) > _SHOWN else repr(start)
    told = f"{source}, of type {content_type!r}," if content_type else f"{source}, without a type,"
    told = f"{told} begins with {begins}"
    if isinstance(error, json.JSONDecodeError) and len(error.args) == 1:
        error.args = (f"{error.args[0]}; {told}",)
    else:
        error.add_note(told)
