"""HAR files (HTTP Archive 1.2): `HarFile` writes them, `load` reads them."""

from __future__ import annotations

from .observers.har import HarFile
from .observers.har_reading import load

__all__ = ["HarFile", "load"]
