"""A virtual environment per library, below ``.venv-ecosystem``; pip's cache is shared."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from .library import Library

ROOT = Path(__file__).parent.parent
VENVS = ROOT / ".venv-ecosystem"
AIOHTTP = "aiohttp>=3.14,<3.15"


def python_for(library: Library, *, upgrade: bool = False) -> Path:
    """The Python that has the library and httptrace; installs both where they are missing.

    With `upgrade` it installs the newest versions in an environment that is there already.

    Raises
    ------
    subprocess.CalledProcessError
        If the environment cannot be made or pip fails; its standard error says why.
    """
    venv = VENVS / library.name
    python, stamp = venv / "bin" / "python", venv / ".stamp"
    key = "\n".join([sys.version, str(ROOT), AIOHTTP, *library.requirements, *_dependencies()])
    if python.exists() and stamp.exists() and stamp.read_text() == key and not upgrade:
        return python
    print(f"== {venv.relative_to(ROOT)}: installing", file=sys.stderr)
    _run(sys.executable, "-m", "venv", str(venv))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--upgrade", "--prefer-binary", AIOHTTP, "-e", str(ROOT), *library.requirements)
    stamp.write_text(key)
    return python


def _dependencies() -> list[str]:
    """What httptrace itself needs: when that changes, it is installed anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
