from __future__ import annotations

import subprocess
import sys

import pytest

import httptrace.local
import httptrace.web


def test_every_public_name_is_there_and_sorted():
    """__all__ is sorted and can be imported; an absent name raises an error that says so."""
    for module in (httptrace.local, httptrace.web):
        assert module.__all__ == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
        assert not hasattr(module, "absent")


def test_the_core_of_local_imports_little():
    """The part that the client needs imports neither asyncio nor logging nor a framework."""
    source = """if True:
        import sys, importlib.util, types
        spec = importlib.util.find_spec("httptrace")
        package = types.ModuleType("httptrace")
        package.__path__ = spec.submodule_search_locations
        sys.modules["httptrace"] = package
        import httptrace.local
        print(*sorted({name.partition(".")[0] for name in sys.modules}))
    """
    command = [sys.executable, "-S", "-c", source]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    heavy = {
        "asyncio",
        "logging",
        "concurrent",
        "json",
        "yarl",
        "aiohttp",
        "dataclasses",
        "inspect",
    }
    assert heavy & set(done.stdout.split()) == set()


def test_the_web_package_says_that_it_is_no_server():
    """Programs that expect aiohttp's server get an error that says where it is."""
    with pytest.raises(AttributeError, match=r"httptrace has no server.*from aiohttp import web"):
        _ = httptrace.web.Application
    source = "import httptrace as aiohttp; aiohttp.web.Application"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, env=environment
    )
    assert "'httptrace.web' has no attribute 'Application': httptrace has no server" in done.stderr
