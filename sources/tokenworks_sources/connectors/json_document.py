"""One JSON document of an API, whole: bounded in size and depth, decimals exact.

For answers that hold one object. What streams (lines, arrays of records) belongs elsewhere.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

LARGEST_BYTES = 64 << 20


def read_document(path: Path, what: str) -> object:
    """The document, with fractions as `Decimal`.

    Args:
        path: the file, plain or compressed.
        what: the format, for errors: "an EnergyZero answer".

    Raises:
        LandingFileError: not JSON, not UTF-8, nested too deep, or larger than an answer may be.
    """
    with open_decompressed(path) as stream:
        content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
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


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
