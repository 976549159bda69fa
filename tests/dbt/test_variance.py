"""Properties of the variance bridge: the model's SQL, rendered without dbt and run on DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MACROS = ("dialect.sql", "units.sql", "hours.sql", "segments.sql")
EFFECTS = ("volume", "mix", "efficiency", "price", "fx", "new", "discontinued")
Row = tuple[str, str, int, int, int, int | None, int | None, int | None]
Bridge = Callable[[list[Row]], list[dict[str, Any]]]

MONEY = st.integers(-(10**15), 10**18)
# A month may be a million times the one before; a token that costs a fortune times a fortune of tokens has
# more digits than money.
TOKENS = st.just(0) | st.integers(10**7, 10**13)
MILLISECONDS = st.just(0) | st.integers(10**5, 10**11)
SIDE = st.none() | st.tuples(
    MONEY,
    st.integers(0, 10**17),
    TOKENS,
    st.none() | TOKENS,
    st.none() | MILLISECONDS,
    st.none() | MILLISECONDS,
)
SEGMENTS = st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def bridge(root: Path) -> Bridge:
    """Rows of rpt_variance for rows of its input."""
    macros = "\n".join((root / "dbt" / "macros" / name).read_text() for name in MACROS)
    model = (root / "dbt" / "models" / "marts" / "rpt_variance.sql").read_text()
    library: Any = None

    class Adapter:
        def dispatch(self, name: str) -> Any:
            return getattr(library, f"duckdb__{name}")

    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    environment.globals |= {
        "adapter": Adapter(),
        "return": lambda value: value,
        "config": lambda **_: "",
        "ref": lambda name: name,
    }
    library = environment.from_string(macros).make_module({})
    select = environment.from_string(macros + model).render()
    connection = duckdb.connect()
    connection.execute(
        "create table int_finance__periods as select month as period, base as base_period, "
        "'gregorian' as calendar, month as period_name, base as base_name, month, "
        "base as base_month, cast(month || '-01' as date) as first_date "
        "from (values ('2026-08', '2026-07'), ('2026-09', '2026-08')) as months (month, base)"
    )

    def rows(segments: list[Row]) -> list[dict[str, Any]]:
        connection.execute(
            "create or replace table int_finance__segment_periods (period varchar, model varchar, "
            "tier varchar, region varchar, usd_units hugeint, base_rate_units hugeint, "
            "power_units hugeint, base_rate_power_units hugeint, tokens hugeint, "
            "computed_tokens hugeint, held_ms hugeint, busy_ms hugeint)"
        )
        connection.executemany(
            "insert into int_finance__segment_periods values "
            "(?, ?, 't', 'r', ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (month, model, usd, usd - usd // 7, power, power, *drivers)
                for month, model, usd, power, *drivers in segments
            ],
        )
        found = connection.execute(f"{select} order by month, model, tier, region")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return rows


def _rows(segments: list[Any]) -> list[Row]:
    return [
        (month, f"m{index}", *side)
        for index, sides in enumerate(segments)
        for month, side in zip(("2026-08", "2026-09"), sides, strict=True)
        if side is not None
    ]


@settings(max_examples=60, deadline=None)
@given(segments=SEGMENTS)
def test_effects_add_up_to_the_change_whatever_the_segments(
    bridge: Bridge, segments: list[Any]
) -> None:
    rows = _rows(segments)
    if not rows:
        return
    months = {month for month, *_ in rows}
    found = bridge(rows)
    for row in found:
        effects = [row[f"{effect}_effect_usd"] for effect in EFFECTS]
        assert sum(effects) == row["change_usd"] == row["cost_usd"] - row["cost_base_usd"]
    for month in months:
        whole = sum(row["cost_usd"] for row in found if row["month"] == month)
        assert whole == sum(Decimal(usd).scaleb(-12) for of, _, usd, *_ in rows if of == month)


@settings(max_examples=20, deadline=None)
@given(segments=SEGMENTS, shuffled=st.randoms(use_true_random=False))
def test_bridge_is_the_same_when_rows_come_in_another_order(
    bridge: Bridge, segments: list[Any], shuffled: Any
) -> None:
    rows = _rows(segments)
    if rows:
        found = bridge(rows)
        shuffled.shuffle(rows)
        assert bridge(rows) == found


def test_volume_is_the_growth_of_all_tokens_at_the_mean_cost(bridge: Bridge) -> None:
    """SYN-10 in all: 150 M tokens at $2.00 become 180 M, +60.00; the mix costs 90.00 more."""
    million, dollar, hour = 10**6, 10**12, 3_600_000
    found = bridge(
        [
            ("2026-08", "A", 100 * dollar, 0, 100 * million, None, 50 * hour, None),
            ("2026-08", "B", 200 * dollar, 0, 50 * million, None, 100 * hour, None),
            ("2026-09", "A", 729 * dollar // 10, 0, 90 * million, None, 405 * hour // 10, None),
            ("2026-09", "B", 3078 * dollar // 10, 0, 90 * million, None, 171 * hour, None),
        ]
    )
    september = [row for row in found if row["month"] == "2026-09"]
    totals = {
        effect: sum(row[f"{effect}_effect_usd"] for row in september)
        for effect in ("volume", "mix", "efficiency")
    }
    assert totals == {"volume": 60, "mix": 90, "efficiency": -27}
    # The fixture's exchange rates moved too, so price and rates share the −42.30.
    rest = sum(row["price_effect_usd"] + row["fx_effect_usd"] for row in september)
    assert rest == Decimal("-42.3")
    assert sum(row["change_usd"] for row in september) == Decimal("80.7")
