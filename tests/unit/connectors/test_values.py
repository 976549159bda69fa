"""Money within decimal(38,12), hosts without what may be a key, and where a JSON value ends."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tokenworks_sources.connectors.exact import amount_of, decimal_of, stored
from tokenworks_sources.connectors.json.brackets import end_of_container
from tokenworks_sources.connectors.requests.values import FieldError, host_of, money_of

LARGEST = "9" * 26 + ".999999999999"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (LARGEST, LARGEST),
        ("0.0000000000005", "0.000000000001"),
        ("-0.0000000000005", "-0.000000000001"),
        ("0.30000000000000004", "0.300000000000"),
    ],
)
def test_money_is_rounded_half_away_from_zero_when_it_has_more_digits(
    written: str, expected: str
) -> None:
    assert stored(Decimal(written)) == Decimal(expected)


@pytest.mark.parametrize("written", [LARGEST + "6", "1e26", "-1e26", "1e300", "NaN", "Infinity"])
def test_money_is_refused_when_the_lake_cannot_hold_it(written: str) -> None:
    with pytest.raises(FieldError, match=r"^cost: too large$"):
        money_of(Decimal(written), "cost")


def test_all_digits_are_kept_when_a_number_is_as_long_as_the_lake_allows() -> None:
    assert decimal_of(LARGEST) == Decimal(LARGEST)


@pytest.mark.parametrize("value", [True, None, 0.5, "x", -1, "1e25", Decimal("1e99")])
def test_a_price_is_none_when_it_is_no_amount(value: object) -> None:
    assert amount_of(value, 1_000_000) is None


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://user:secret@api.example.com:8443/v1?key=secret", "api.example.com:8443"),
        ("api.example.com/v1", "api.example.com"),
        ("http://[2001:db8::1]:8000/v1", "[2001:db8::1]:8000"),
        ("http://[broken", None),
        ("", None),
        (7, None),
    ],
)
def test_only_the_host_is_kept_when_an_address_holds_more(address: object, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (rb'{"a}": [1, {}]}, 2', 15),
        (rb'["\"]", "\\"]x', 13),
        (rb'{"a": "}', None),
        (rb'{"a": "\\', None),
        (rb'[1, "]"', None),
    ],
)
def test_a_value_ends_at_its_own_bracket_however_often_it_is_cut(
    text: bytes, end: int | None
) -> None:
    assert end_of_container(text, 0)[0] == end
    position, depth, found = 0, 0, None
    for length in range(1, len(text) + 1):
        found, position, depth = end_of_container(text[:length], position, depth)
        if found is not None:
            break
    assert found == end
