"""`client`: the package that is tried, for scripts that hand a library its session."""

from __future__ import annotations

import importlib
import os

client = importlib.import_module(os.environ.get("ECOSYSTEM_ON", "httptrace"))
