"""Real usage bodies from file to list price, against the prices that genai-prices recorded of them.

Each body is landed once for every vendor of whom a price was recorded, and read by its connector; the price
list is that of the same day, as `tokenworks prices` writes it. Every price is met to the cent, or stands
below with the reason.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from genai_prices import types as genai

from tokenworks.dbt_project import run_dbt
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.list_prices import price_list, seen_models, write_list
from tokenworks_sources.settings import Settings

Item = dict[str, Any]
Price = tuple[Decimal, Decimal]
# Number of the body in the file, and vendor.
Case = tuple[int, str]
CENT = Decimal("0.005")
UNIT = Decimal("1e-12")

EXCEPTIONS: dict[str, set[Case]] = {
    # The recorded price takes what is not told as 0.
    "the body does not say how much was cached, and the list prices it apart": {
        (86, "openrouter"), (87, "google"), (87, "openrouter"), (91, "openrouter"), (496, "google"),
        (633, "groq"), (637, "groq"), (687, "groq"), (688, "groq"), (689, "groq"), (690, "groq"),
        (692, "groq"), (785, "anthropic"), (785, "azure"), (785, "google"),
    },
    # The recorded price leaves them out; OpenAI's, of the same bodies, has them and is met.
    "Azure's extractor reads no cache writes": {(175, "azure"), (176, "azure"), (601, "azure")},
    "1,120 tokens of an image at 120; text at 12 stands in no price list of that day": {(31, "google")},
    "the list has no such model of that vendor": {
        (487, "aws"), (488, "aws"), (489, "aws"), (643, "zai"),
    },
    "priced by time of day, which is no list price": {(634, "deepseek"), (641, "deepseek")},
    "free: the list has the model and no price of it": {(508, "cerebras")},
}  # fmt: skip


def _recorded(item: Item) -> dict[str, list[Price]]:
    """Prices that were recorded of a body, by vendor: one for each way to read it."""
    found: dict[str, list[Price]] = {}
    for extracted in item["extracted"]:
        for by in extracted["extractors"]:
            if "input_price" in by:
                price = (Decimal(by["input_price"]), Decimal(by["output_price"]))
                found.setdefault(by["provider_id"], []).append(price)
    return found


@pytest.fixture(scope="module")
def bodies(shared_data: Path) -> list[Item]:
    path = shared_data / "cloud_bills" / "genai_prices_usages_slice_shared.json.gz"
    items: list[Item] = json.loads(gzip.decompress(path.read_bytes()))
    return items


@pytest.fixture(scope="module")
def listed(
    shared_data: Path, bodies: list[Item], tmp_path_factory: pytest.TempPathFactory
) -> dict[Case, Price]:
    """Our list price of each body and vendor, where it has one."""
    settings = Settings.at(tmp_path_factory.mktemp("lists") / "home")
    log = settings.landing / "requests" / "usage_bodies" / "answers.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text(
        "".join(
            json.dumps(
                {
                    "timestamp": "2026-08-15T00:00:00Z",
                    "provider": vendor,
                    "response": {
                        **item["body"],
                        "id": f"{number} {vendor}",
                        "model": item["model"],
                    },
                }
            )
            + "\n"
            for number, item in enumerate(bodies)
            for vendor in _recorded(item)
        )
    )
    assert not ingest_landing(settings).with_status("failed")
    listing = json.loads(
        gzip.decompress((shared_data / "cloud_bills" / "genai_prices_data.json.gz").read_bytes())
    )
    # The library reads lists over the network alone; this is the function that it does so with.
    vendors = genai._providers_from_raw(listing)
    write_list(settings, price_list(vendors, "of that day", seen_models(settings)))
    assert not ingest_landing(settings).with_status("failed")
    kinds = ["--resource-type", "model", "--resource-type", "seed"]
    arguments = ["build", *kinds, "--full-refresh", "--select", "+int_costs__request_list"]
    code, printed = run_dbt(settings, arguments, threads=1)
    assert code == 0, printed
    with duckdb.connect(str(settings.build_database), read_only=True) as connection:
        rows = connection.execute(
            "select request_id, input_units + cache_read_units, output_units "
            "from int_costs__request_list"
        ).fetchall()
    return {
        (int(name.split()[0]), name.split()[1]): (read * UNIT, written * UNIT)
        for name, read, written in rows
        if None not in (read, written)
    }


def _is_met(ours: Price, recorded: list[Price]) -> bool:
    return any(
        abs(ours[0] - read) < CENT and abs(ours[1] - written) < CENT for read, written in recorded
    )


def test_every_usage_body_costs_what_was_recorded_or_is_listed_with_its_reason(
    bodies: list[Item], listed: dict[Case, Price]
) -> None:
    cases = {
        (number, vendor): recorded
        for number, item in enumerate(bodies)
        for vendor, recorded in _recorded(item).items()
    }
    assert (len(bodies), len(cases)) == (789, 1_320)
    missed = {
        case
        for case, recorded in cases.items()
        if case not in listed or not _is_met(listed[case], recorded)
    }
    assert missed == set().union(*EXCEPTIONS.values())


def test_prices_are_met_to_the_last_digit_but_for_audio_and_images(
    bodies: list[Item], listed: dict[Case, Price]
) -> None:
    """The lake counts tokens whatever they carry, so audio is priced as text: less than a cent here."""
    near = [
        extracted["usage"]
        for (number, vendor), ours in listed.items()
        for extracted in bodies[number]["extracted"][:1]
        if ours not in _recorded(bodies[number])[vendor]
        and (number, vendor) not in set().union(*EXCEPTIONS.values())
    ]
    assert len(listed) - len(near) == 1_275
    assert all(any("audio" in kind or "image" in kind for kind in usage) for usage in near)


def test_bodies_without_a_recorded_price_name_no_model_or_one_that_nobody_lists(
    bodies: list[Item],
) -> None:
    silent = [item for item in bodies if not _recorded(item)]
    assert Counter("model" in item for item in silent) == {False: 129, True: 13}
