"""What ``help`` shows of the package and of its names."""

from __future__ import annotations

import pydoc
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

import httptrace
from httptrace.request.options import RequestOptions

GUIDE = httptrace.__doc__ or ""
MAIN = (
    *("ClientSession", "ClientTimeout", "TCPConnector", "ClientResponse", "FormData", "CookieJar"),
    *("BasicAuth", "Timeline", "TraceConfig", "Observer", "Context", "ClientError"),
)
UNUSED = {"fingerprint", "read_until_eof", "ssl_context", "verify_ssl"}
"""Request parameters that are deprecated or ignored."""


def help_of(thing: Any) -> str:
    """What ``help`` prints."""
    return pydoc.render_doc(thing, renderer=pydoc.plaintext)


def test_help_of_the_package_fits_a_few_screens() -> None:
    """``help(httptrace)`` tells what the package is for, and its names by subject, and ends."""
    shown = help_of(httptrace)
    assert len(shown.splitlines()) <= 150
    assert len(GUIDE.splitlines()) <= 45
    before, _, _ = shown.partition("PACKAGE CONTENTS")
    assert "httptrace - An asyncio HTTP client" in before
    assert "The names, by subject:" in before
    assert [name for name in MAIN if name not in before] == []


def test_help_on_the_command_line() -> None:
    """``python -m pydoc httptrace`` prints the same few screens."""
    run = subprocess.run(
        [sys.executable, "-m", "pydoc", "httptrace"], check=True, capture_output=True, text=True
    )
    assert "The names, by subject:" in run.stdout
    assert len(run.stdout.splitlines()) <= 150


def test_all_is_shorter_for_pydoc_only() -> None:
    """``__all__`` has every name, also after ``help``."""
    help_of(httptrace)
    assert len(httptrace.__all__) > 150
    assert httptrace.__all__ == vars(httptrace)["__all__"]


def test_help_of_get() -> None:
    """``help(ClientSession.get)`` tells the parameters, what is returned and what is raised."""
    shown = help_of(httptrace.ClientSession.get)
    parameters, _, rest = shown.partition("Returns\n")
    returned, _, raised = rest.partition("Raises\n")
    options = RequestOptions.__annotations__.keys() - UNUSED
    assert [name for name in sorted(options) if not re.search(rf"\b{name}\b", parameters)] == []
    assert "`ClientResponse`" in returned
    for error in ("TypeError", "InvalidURL", "ClientConnectionError", "TimeoutError"):
        assert error in raised


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete", "head", "options", "request"])
def test_help_of_other_verbs_refers_to_get(verb: str) -> None:
    """The help of the other verbs refers to ``get`` for what they share with it."""
    assert "`get`" in help_of(getattr(httptrace.ClientSession, verb))


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
