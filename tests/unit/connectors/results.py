"""What tests of benchmark results share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SECRET = "the prompt that nobody may see"
ANCHOR = "anchor: 2026-05-29T13:35:48+02:00\n"  # 11:35:48 UTC
# Ingests a text, or a value as JSON, with what an `about.yaml` beside it says.
Land = Callable[..., Any]
