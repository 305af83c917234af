from __future__ import annotations

import pydoc
import re
from importlib import import_module

import httptrace

GUIDE = httptrace.__doc__ or ""


def test_help_begins_with_a_guide_that_fits_a_screen() -> None:
    """``help(httptrace)`` tells what the package is for, and its names by subject, at once."""
    shown = pydoc.render_doc(httptrace, renderer=pydoc.plaintext)
    assert len(GUIDE.splitlines()) <= 45
    before, _, _ = shown.partition("PACKAGE CONTENTS")
    assert "httptrace - An asyncio HTTP client" in before
    assert "The names, by subject:" in before


def test_the_guide_names_what_exists() -> None:
    """Each name in the guide is public, and those with parentheses are functions."""
    subjects = GUIDE.partition("The names, by subject:")[2]
    names = re.findall(r"\b([A-Z][a-z]+[A-Z]\w*|[a-z]+_[a-z_]+|[a-z]+(?=\(\)))\b", subjects)
    assert len(names) > 40
    assert [name for name in names if name not in httptrace.__all__] == []
    called = re.findall(r"(\w+)\(\)", subjects)
    assert all(callable(getattr(httptrace, name)) for name in called)
    for module in re.findall(r"httptrace\.(\w+)", subjects):
        import_module(f"httptrace.{module}")
