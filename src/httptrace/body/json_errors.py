"""Errors of invalid JSON: they tell where the JSON came from and how it begins."""

from __future__ import annotations

import json

from ..masking import mask_text

__all__ = ["explain_json_error"]

_SHOWN = 60


def explain_json_error(
    error: ValueError, text: str, *, source: str, content_type: str | None
) -> None:
    """Add the source of the JSON, its type and how it begins to the text of the error.

    `source` is a phrase such as "the body of https://…", without secrets. The error keeps its class
    and its attributes (`doc`, `pos`, ...), and its text begins as before. An error that is not a
    json.JSONDecodeError gets a note (PEP 678) instead.
    """
    start = mask_text(text[: _SHOWN + 1])
    begins = f"{start[:_SHOWN]!r}…" if len(start) > _SHOWN else repr(start)
    kind = f"of type {content_type!r}" if content_type else "without a type"
    text = f"{source}, {kind}, begins with {begins}"
    if isinstance(error, json.JSONDecodeError) and len(error.args) == 1:
        error.args = (f"{error.args[0]}; {text}",)
    else:
        error.add_note(text)
