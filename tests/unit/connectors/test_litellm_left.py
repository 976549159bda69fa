"""Lines of a spend log that were not written are found by those that were."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tokenworks_sources.connectors.requests import slices
from tokenworks_sources.connectors.requests.litellm_left import Origin, left_of

# Lines 1 to 6; the third and the fifth are blank.
TEXT = b"a\nb\n\nc\n \nd\n"


@pytest.mark.parametrize(
    ("written", "left"),
    [([], [1, 2, 4, 6]), ([2, 6], [1, 4]), ([6, 4, 2, 1], [])],
)
def test_blank_lines_are_not_left_when_lines_were_not_written(
    written: list[int], left: list[int]
) -> None:
    window = slices.slices_of(TEXT, 0, len(TEXT), 0, 2)
    assert left_of(window, np.array(written, np.int64)).tolist() == left


def test_lines_count_from_the_file_when_a_window_begins_within_it() -> None:
    window = slices.slices_of(TEXT, 0, len(TEXT), 100, 1)
    assert left_of(window, np.array([102, 104], np.int64)).tolist() == [101, 106]


def test_lines_of_files_become_those_of_the_text_when_files_stand_behind_each_other() -> None:
    origin = Origin(np.array([1, 4, 9], np.int64), [0, 2, 3], ["x", "y", "z"])
    places = pl.DataFrame({"source_digest": ["z", "x", "y"], "source_line": [2, 3, 5]})
    assert origin.lines_of(places).tolist() == [10, 3, 8]


@pytest.mark.parametrize("block", [1, 3, 1 << 18])
def test_lines_are_found_by_number_when_blocks_end_anywhere(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "BLOCK_BYTES", block)
    text = b"one\n\ntwo and more\r\nthree\nfour"
    window = slices.slices_of(text, 0, len(text), 10, 2)
    found = list(slices.lines_at(window, [11, 12, 13, 15]))
    assert found == [b"one", b"", b"two and more", b"four"]
