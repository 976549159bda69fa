"""How alike two questions look: cosine of character n-grams weighted by rarity.

A plain measure that needs no model: each word, padded by a blank on both sides, is cut into runs
of 3 to 5 characters; a run that occurs n times in a text weighs (1 + ln n) times its rarity,
1 + ln((1 + texts) / (1 + texts that have it)). It serves to measure a hit and false-hit curve on
one's own questions; an embedding model's similarities can take its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SHORTEST, LONGEST = 3, 5


def _grams(text: str) -> Counter[str]:
    """Character runs of a text; a padded word shorter than a run counts once, whole."""
    found: Counter[str] = Counter()
    for word in text.lower().split():
        padded = f" {word} "
        for length in range(SHORTEST, LONGEST + 1):
            found.update(padded[i : i + length] for i in range(max(1, len(padded) - length + 1)))
            if len(padded) <= length:
                break
    return found


def nearest(held: Sequence[str], asked: Sequence[str]) -> tuple[Ints, Floats]:
    """For each asked text the most similar held one, and the cosine; -1 where nothing is shared.

    Rarity is learned from the held texts. Of several equally similar the first is named.
    """
    held_grams = [_grams(text) for text in held]
    documents: Counter[str] = Counter(gram for grams in held_grams for gram in grams)
    numbers = {gram: number for number, gram in enumerate(documents)}
    counts = np.fromiter(documents.values(), dtype=np.float64, count=len(documents))
    rarity = 1.0 + np.log((1.0 + len(held)) / (1.0 + counts))
    return _nearest(
        *_weighted(held_grams, numbers, rarity),
        *_weighted((_grams(text) for text in asked), numbers, rarity),
        len(numbers),
    )


def _weighted(
    texts: Iterable[Counter[str]], numbers: dict[str, int], rarity: Floats
) -> tuple[Ints, Ints, Floats]:
    """Texts as rows of a sparse matrix, each of length one: row starts, columns, weights."""
    starts, columns, weights = [0], [], []
    for grams in texts:
        mine = sorted((numbers[gram], count) for gram, count in grams.items() if gram in numbers)
        where = np.array([number for number, _ in mine], dtype=np.int64)
        weight = (1.0 + np.log([float(count) for _, count in mine])) * rarity[where]
        columns.append(where)
        weights.append(weight / max(float(np.sqrt((weight**2).sum())), 1e-300))
        starts.append(starts[-1] + len(where))
    none: list[Ints] = [np.zeros(0, dtype=np.int64)]
    return (
        np.array(starts, dtype=np.int64),
        np.concatenate(columns or none),
        np.concatenate(weights or [np.zeros(0)]),
    )


@kernel
def _nearest(
    held_starts: Ints,
    held_columns: Ints,
    held_weights: Floats,
    starts: Ints,
    columns: Ints,
    weights: Floats,
    width: int,
) -> tuple[Ints, Floats]:
    held = held_starts.size - 1
    first = np.zeros(width + 1, dtype=np.int64)
    for column in held_columns:
        first[column + 1] += 1
    first = np.cumsum(first)
    owners = np.empty(held_columns.size, dtype=np.int64)
    values = np.empty(held_columns.size, dtype=np.float64)
    filled = first[:-1].copy()
    for row in range(held):
        for entry in range(held_starts[row], held_starts[row + 1]):
            slot = filled[held_columns[entry]]
            owners[slot] = row
            values[slot] = held_weights[entry]
            filled[held_columns[entry]] += 1
    best = np.full(starts.size - 1, -1, dtype=np.int64)
    cosine = np.zeros(starts.size - 1, dtype=np.float64)
    for row in range(starts.size - 1):
        scores = np.zeros(held, dtype=np.float64)
        for entry in range(starts[row], starts[row + 1]):
            for slot in range(first[columns[entry]], first[columns[entry] + 1]):
                scores[owners[slot]] += weights[entry] * values[slot]
        for other in range(held):
            if scores[other] > cosine[row]:
                cosine[row] = scores[other]
                best[row] = other
    return best, cosine
