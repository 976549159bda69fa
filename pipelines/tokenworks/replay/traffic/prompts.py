"""Prompts as runs of block ids, flat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.spool import kept
from tokenworks.replay.traffic.numbering import renumbered, taken

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Prompts:
    """Blocks of prompts, flat.

    Attributes:
        ids: dense block ids, prompt after prompt.
        offsets: start of each prompt in `ids`, and the end of the last.
        block_count: number of distinct ids.
        block_tokens: tokens per block.
        input_tokens: tokens of each prompt.
        known: prompts whose hashes were logged.
    """

    ids: Ids
    offsets: Ints
    block_count: int
    block_tokens: int
    input_tokens: Ints
    known: Mask

    @property
    def counts(self) -> Ints:
        """Blocks of each prompt."""
        return np.diff(self.offsets)

    @cached_property
    def _numbers(self) -> Ids:
        """Room to count ids anew; -1 for each of them between two uses."""
        return kept(np.full(self.block_count, -1, dtype=np.int32))

    def alone(self, rows: Ints) -> Prompts:
        """The prompts at `rows` as if there were no others: their ids are counted anew."""
        part = self.take(rows)
        ids, count = renumbered(part.ids, self._numbers)
        return replace(part, ids=kept(ids), block_count=count)

    def take(self, rows: Ints) -> Prompts:
        """The prompts at `rows`, in that order; ids keep their meaning."""
        if len(rows) == len(self.known) and (rows == np.arange(len(rows))).all():
            return self
        counts = self.counts[rows]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Prompts(
            ids=kept(taken(self.ids, self.offsets[rows], offsets)),
            offsets=kept(offsets),
            block_count=self.block_count,
            block_tokens=self.block_tokens,
            input_tokens=kept(self.input_tokens[rows]),
            known=kept(self.known[rows]),
        )

    def tokens_so_far(self) -> Ints:
        """Tokens of each prompt up to and with each of its blocks."""
        order = np.arange(len(self.ids)) - np.repeat(self.offsets[:-1], self.counts)
        whole = np.repeat(self.input_tokens, self.counts)
        tokens: Ints = np.minimum((order + 1) * self.block_tokens, whole)
        return tokens

    def tokens_per_block(self) -> Ints:
        """Tokens of each entry of `ids`; the last block of a prompt may be partial."""
        order = np.arange(len(self.ids)) - np.repeat(self.offsets[:-1], self.counts)
        left = np.repeat(self.input_tokens, self.counts) - order * self.block_tokens
        tokens: Ints = np.clip(left, 0, self.block_tokens)
        return tokens
