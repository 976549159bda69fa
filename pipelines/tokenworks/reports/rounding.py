"""Cents in two directions: a table rounded by columns whose rows come out right as well.

Here belongs moving single minor units between the rows of a rounded table. Columns keep their sums, and every cell
stays its exact amount rounded up or down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tokenworks.reports.money import Key

Place = tuple[str, Key]
_START, _END = "", ""


@dataclass
class Cell:
    """An amount of a column: its exact units, the minor units below it, and what is shown.

    Attributes:
        place: column and key.
        below: whole minor units, rounded down.
        rest: units beyond those.
        shown: `below`, or one more where there is a rest.
    """

    place: Place
    below: int
    rest: int
    shown: int

    def can(self, change: int) -> bool:
        """Whether it may be one more (1) or one less (-1)."""
        return self.rest > 0 and self.shown + change in (self.below, self.below + 1)


@dataclass
class _Row:
    surplus: int
    cells: dict[str, list[Cell]] = field(default_factory=lambda: defaultdict(list))

    def can(self, column: str, change: int) -> bool:
        return any(cell.can(change) for cell in self.cells.get(column, ()))

    def change(self, column: str, change: int) -> None:
        """One more or less, where that is nearest to the exact amount."""
        able = [cell for cell in self.cells[column] if cell.can(change)]
        cell = max(able, key=lambda cell: (change * cell.rest, cell.place))
        cell.shown += change
        self.surplus += change


def settle(rows: Mapping[Key, Sequence[Cell]], targets: Mapping[Key, int]) -> None:
    """Moves minor units between the rows of `rows` until each comes to its target, as far as that can be.

    Args:
        rows: the cells of each row, which are changed.
        targets: what each row should come to; together what the rows come to.
    """
    table = _Table(rows, targets)
    while path := table.path():
        table.move(path)


class _Table:
    """Rows by what they can do: which columns they can lower, raise, or exchange."""

    def __init__(self, rows: Mapping[Key, Sequence[Cell]], targets: Mapping[Key, int]) -> None:
        self._rows: dict[Key, _Row] = {}
        # (a, b): rows that can be one more in column a and one less in b; no column stands for outside.
        self._able: dict[tuple[str, str], dict[Key, None]] = defaultdict(dict)
        self._columns = sorted({cell.place[0] for cells in rows.values() for cell in cells})
        for key, cells in rows.items():
            row = _Row(sum(cell.shown for cell in cells) - targets[key])
            for cell in cells:
                row.cells[cell.place[0]].append(cell)
            self._rows[key] = row
            self._note(key)

    def path(self) -> list[str]:
        """Columns from a row that has too much to one that has too little; the fewest."""
        reached: list[list[str]] = [[_START]]
        seen = {_START}
        while reached:
            path = reached.pop(0)
            if len(path) > 1 and self._able.get((path[-1], _END)):
                return path[1:]
            for column in self._columns:
                if column not in seen and self._able.get((path[-1], column)):
                    seen.add(column)
                    reached.append([*path, column])
        return []

    def move(self, path: list[str]) -> None:
        """One minor unit along the columns of a path."""
        for more, less in zip((_START, *path), (*path, _END), strict=True):
            key, _ = self._able[more, less].popitem()
            if more:
                self._rows[key].change(more, 1)
            if less:
                self._rows[key].change(less, -1)
            self._note(key)

    def _note(self, key: Key) -> None:
        row = self._rows[key]
        more = [column for column in self._columns if row.can(column, 1)]
        less = [column for column in self._columns if row.can(column, -1)]
        able = {(a, b) for a in more for b in less if a != b}
        able |= {(_START, column) for column in less} if row.surplus > 0 else set()
        able |= {(column, _END) for column in more} if row.surplus < 0 else set()
        for step, keys in self._able.items():
            if step not in able:
                keys.pop(key, None)
        for step in able:
            self._able[step][key] = None


def grouped(cells: Iterable[Cell], parts: int) -> dict[Key, list[Cell]]:
    """Cells by the first parts of their key."""
    found: dict[Key, list[Cell]] = defaultdict(list)
    for cell in cells:
        found[cell.place[1][:parts]].append(cell)
    return found
