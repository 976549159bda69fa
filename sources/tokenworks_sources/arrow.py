"""Arrow columns without pandas, which pyarrow imports to make arrays of its own columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.signedinteger[Any]]


def numbers_of(column: pa.Array) -> Numbers:
    """What a column of whole numbers, dates or times is stored as; it has no nulls."""
    kind = np.dtype(f"int{column.type.bit_width}")
    stored = column.buffers()[1]
    if stored is None:
        return np.empty(0, kind)
    return np.frombuffer(stored, kind)[column.offset :][: len(column)]


def column_of(numbers: Numbers) -> pa.Array:
    """Whole numbers of 64 bits as a column; the bytes are the same."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
