"""Properties of the allocate macro, rendered without dbt and run on DuckDB."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Pool = tuple[int, list[int]]
POOLS = st.tuples(
    st.integers(-(10**18), 10**18), st.lists(st.integers(0, 10**12), min_size=1, max_size=8)
) | st.tuples(
    # Products of up to 45 digits; a whole number has 38.
    st.integers(-(10**21), 10**21),
    st.lists(st.just(0) | st.integers(10**18, 10**24), min_size=1, max_size=8),
)


@pytest.fixture(scope="module")
def allocate_macros(root: Path) -> Any:
    """The macros of allocation, rendered for DuckDB."""
    files = ("dialect.sql", "units.sql", "allocate.sql")
    text = "\n".join((root / "dbt" / "macros" / name).read_text() for name in files)
    module: Any = None

    class Adapter:
        def dispatch(self, name: str) -> Any:
            return getattr(module, f"duckdb__{name}")

    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    environment.globals |= {"adapter": Adapter(), "return": lambda value: value}
    module = environment.from_string(text).make_module({})
    return module


@pytest.fixture(scope="module")
def allocate(allocate_macros: Any) -> Callable[[Pool], list[int | None]]:
    """Splits a total over weights with the SQL of the macro."""
    select = allocate_macros.allocate("pool", ["p"], "weight", ["key"], {"part": "total"})
    connection = duckdb.connect()

    def split(pool: Pool) -> list[int | None]:
        total, weights = pool
        keys = list(range(len(weights)))
        random.Random(total).shuffle(keys)
        rows = ", ".join(f"(1, {key}, {total}::hugeint, {weights[key]}::hugeint)" for key in keys)
        found = connection.execute(
            f"with pool as (select * from (values {rows}) as t (p, key, total, weight)) "
            f"select part from ({select}) order by key"
        ).fetchall()
        return [part for (part,) in found]

    return split


@pytest.fixture(scope="module")
def run(allocate_macros: Any) -> Callable[[Pool], list[int | None]]:
    """Splits a total along the running sum of the weights with the SQL of the macro."""
    part = allocate_macros.running_part("total", "whole", "reached - weight", "reached")
    connection = duckdb.connect()

    def split(pool: Pool) -> list[int | None]:
        total, weights = pool
        rows = ", ".join(
            f"({key}, {total}::hugeint, {weight}::hugeint)" for key, weight in enumerate(weights)
        )
        found = connection.execute(
            f"with pool as (select *, sum(weight) over (order by key) as reached, sum(weight) over () "
            f"as whole from (values {rows}) as t (key, total, weight)) select {part} from pool order by key"
        ).fetchall()
        return [part for (part,) in found]

    return split


@settings(max_examples=60, deadline=None)
@given(pool=POOLS)
def test_running_parts_add_up_and_stay_within_one_unit(
    run: Callable[[Pool], list[int | None]], pool: Pool
) -> None:
    total, weights = pool
    parts = run(pool)
    if sum(weights) == 0:
        assert parts == [None] * len(weights)
        return
    known = [part for part in parts if part is not None]
    assert sum(known) == total
    for part, weight in zip(known, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)
        assert weight > 0 or part == 0


@pytest.mark.parametrize(
    ("pool", "parts"),
    [
        ((10_000, [1, 1, 1]), [3_333, 3_333, 3_334]),
        ((-10_000, [1, 1, 1]), [-3_333, -3_333, -3_334]),
        ((5, [0, 7, 3]), [0, 3, 2]),
        ((48 * 10**16, [1, 86 * 10**19]), [0, 48 * 10**16]),
        ((10**21, [10**24, 2 * 10**24]), [333333333333333333333, 666666666666666666667]),
    ],
)
def test_running_parts_are_differences_of_one_floor(
    run: Callable[[Pool], list[int | None]], pool: Pool, parts: list[int]
) -> None:
    assert run(pool) == parts


@settings(max_examples=60, deadline=None)
@given(pool=POOLS)
def test_parts_add_up_and_stay_within_one_unit(
    allocate: Callable[[Pool], list[int | None]], pool: Pool
) -> None:
    total, weights = pool
    parts = allocate(pool)
    if sum(weights) == 0:
        assert parts == [None] * len(weights)
        return
    known = [part for part in parts if part is not None]
    assert sum(known) == total
    for part, weight in zip(known, weights, strict=True):
        # |part − total × weight / sum| < 1, without fractions.
        assert abs(part * sum(weights) - total * weight) < sum(weights)
        assert weight > 0 or part == 0


@settings(max_examples=30, deadline=None)
@given(pool=POOLS, factor=st.integers(2, 1000))
def test_parts_do_not_change_when_all_weights_scale(
    allocate: Callable[[Pool], list[int | None]], pool: Pool, factor: int
) -> None:
    total, weights = pool
    assert allocate(pool) == allocate((total, [weight * factor for weight in weights]))


@settings(max_examples=30, deadline=None)
@given(pool=POOLS)
def test_parts_change_sign_with_the_total(
    allocate: Callable[[Pool], list[int | None]], pool: Pool
) -> None:
    total, weights = pool
    mirrored = [part if part is None else -part for part in allocate((-total, weights))]
    assert allocate(pool) == mirrored
