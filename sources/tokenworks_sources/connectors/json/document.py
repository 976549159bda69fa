"""One JSON document, whole: bounded in size and depth.

Belongs here: answers of an API, whose decimals stay exact, and summaries of benchmark tools, whose
numbers are floats that may be NaN. What streams (lines, lists of records) belongs to `records` and
`lists`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

LARGEST_BYTES = 64 << 20
LARGEST_SUMMARY_BYTES = 1 << 24


def read_document(path: Path, what: str) -> object:
    """The document, with fractions as `Decimal`.

    Args:
        path: the file, plain or compressed.
        what: the format, for errors: "an EnergyZero answer".

    Raises:
        LandingFileError: not JSON, not UTF-8, nested too deep, or larger than an answer may be.
    """
    content = _content(path, LARGEST_BYTES)
    if content is None:
        raise LandingFileError(
            path,
            f"{what} over {LARGEST_BYTES >> 20} MiB is not read.",
            "Ask the API for less at a time.",
        )
    try:
        return json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise LandingFileError(
            path, "the JSON is nested too deep.", "Download it again."
        ) from error
    except json.JSONDecodeError as error:
        raise LandingFileError(
            path, f"not JSON: {error.msg}.", "Download it again, whole.", error.lineno
        ) from error
    except ValueError as error:
        raise LandingFileError(
            path, f"not JSON in UTF-8: {type(error).__name__}.", "Download it again, whole."
        ) from error


def read_summary(path: Path) -> dict[str, Any]:
    """The object of a summary; NaN and Infinity, which tools write for an empty mean, are null.

    Raises:
        LandingFileError: it is no JSON object, or too large for a summary.
    """
    content = _content(path, LARGEST_SUMMARY_BYTES)
    if content is None:
        what = f"it is over {LARGEST_SUMMARY_BYTES >> 20} MiB, so it is no summary."
        raise LandingFileError(path, what, "Ship the summary.")
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        hint = "It may have been cut off: ship it again, whole."
        raise LandingFileError(path, "it is no JSON object.", hint)
    return found


def _content(path: Path, largest: int) -> bytes | None:
    """The decompressed file, None where it is larger than that."""
    with open_decompressed(path) as stream:
        content = stream.read(largest + 1)
    return content if len(content) <= largest else None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
