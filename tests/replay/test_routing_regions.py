"""Routing between regions: small examples by hand, and what must hold whatever the traffic."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.regions import RegionRouting
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.routing.herding import herding
from tokenworks.replay.routing.region_kernel import (
    ADDED,
    ALONE,
    BEST,
    FULL,
    GAIN,
    MOVED,
    RESIDENCY,
    UNKNOWN,
    UNNAMED,
)
from tokenworks.replay.routing.regions import Placed, route_regions
from tokenworks.replay.traffic.fleet import Fleet, fleet_of
from tokenworks.replay.traffic.requests import load_traffic

EU, US, ALONE_AT = 0, 1, 2
RTT = {"eu": {"eu-west": 0.01, "us-east": 0.09}, "us": {"eu-west": 0.09, "us-east": 0.02}}


@pytest.fixture
def fleet(hand_world: Any) -> Fleet:
    """One model in eu-west and in us-east, and another model in us-east alone."""
    large, small = hand_world.deployments
    hand_world.deployments[:] = [
        {**large, "deployment_id": "a-eu", "region": "eu-west"},
        {**large, "deployment_id": "b-us", "region": "us-east"},
        {**small, "deployment_id": "c-us", "region": "us-east"},
    ]
    for row in hand_world.requests:
        row["deployment_id"] = "a-eu"
    return fleet_of(load_traffic(hand_world.publish(), Scenario(name="x")))


def requests(*clients: str | None, minutes: float = 1, tenants: Any = None) -> pl.DataFrame:
    start = datetime(2026, 9, 1, 6, 30)
    return pl.DataFrame(
        {
            "emitter": "gateway",
            "request_id": [f"r{row}" for row in range(len(clients))],
            "started_at": [start + timedelta(minutes=minutes * row) for row in range(len(clients))],
            "client_region": pl.Series(clients, dtype=pl.String),
            "tenant_id": tenants or ["acme"] * len(clients),
        }
    )


def placed(frame: pl.DataFrame, fleet: Fleet, home: list[int], **section: Any) -> Placed:
    asked = RegionRouting.model_validate(section)
    return route_regions(frame, fleet, np.array(home, dtype=np.int64), asked)


def test_each_goes_to_its_nearest_when_latency_decides(fleet: Fleet) -> None:
    frame = requests("eu", "us", "us", "mars", None, "us")
    found = placed(frame, fleet, [US, EU, US, EU, EU, ALONE_AT], choose="latency", rtt_seconds=RTT)
    assert found.deployments.tolist() == [EU, US, US, EU, EU, ALONE_AT]
    assert found.reasons.tolist() == [MOVED, MOVED, BEST, UNKNOWN, UNKNOWN, ALONE]
    assert found.added_rtt.tolist() == pytest.approx([-0.08, -0.07, 0, 0, 0, 0])
    assert found.said == (
        (
            "Regions: 2 move; 1 are already where it is best; 1 have no other deployment of their "
            "model; 2 lack a round trip, price or intensity to choose by."
        ),
    )


def test_nobody_moves_that_is_not_named_when_a_condition_is_given(fleet: Fleet) -> None:
    frame = requests("us", "us", tenants=["acme", "blue"])
    found = placed(
        frame, fleet, [EU, EU], choose="latency", rtt_seconds=RTT, when={"tenant_id": "blue"}
    )
    assert found.deployments.tolist() == [EU, US]
    assert found.reasons.tolist() == [UNNAMED, MOVED]


def test_requests_follow_the_sun_when_carbon_of_the_hour_decides(fleet: Fleet) -> None:
    """From 06:30 every half hour: us-east is clean until 07, eu-west afterwards."""
    us = [100.0] * 7 + [500.0] * 17
    frame = requests(*["eu"] * 4, minutes=30)
    found = placed(
        frame, fleet, [EU, EU, EU, EU], choose="carbon",
        carbon_grams_per_kwh={"eu-west": 300, "us-east": us},
    )  # fmt: skip
    assert found.deployments.tolist() == [US, EU, EU, EU]
    assert found.reasons.tolist() == [MOVED, BEST, BEST, BEST]
    assert np.isnan(found.added_rtt[0])
    assert "1 of those that move have no known round trip" in found.said[1]


def test_an_hour_is_unknown_when_a_series_lacks_it(fleet: Fleet) -> None:
    asked = RegionRouting(choose="carbon", series_file="grid.csv")
    hours = [datetime(2026, 9, 1, hour) for hour in (6, 7, 8)]
    series = pl.DataFrame(
        {
            "region": ["eu-west"] * 3 + ["us-east"] * 2,
            "hour_start": [*hours, *hours[:2]],
            "carbon_grams_per_kwh": [300.0, 300.0, 300.0, 50.0, 400.0],
        }
    )
    frame, home = requests("eu", "eu", "eu", minutes=60), np.zeros(3, dtype=np.int64)
    found = route_regions(frame, fleet, home, asked, series)
    assert found.reasons.tolist() == [MOVED, BEST, UNKNOWN]
    with pytest.raises(LeverRefusedError, match="the file lacks carbon_grams_per_kwh"):
        route_regions(frame, fleet, home, asked, series.drop("carbon_grams_per_kwh"))


def test_the_round_trip_bounds_a_move_when_a_limit_is_given(fleet: Fleet) -> None:
    """us-east is cheaper; it adds 80 ms to a client in Europe and saves 70 ms of one in the US."""
    section = {"choose": "price", "price_per_kwh": {"eu-west": 0.3, "us-east": 0.1},
               "rtt_seconds": RTT, "most_added_rtt_seconds": 0.05}  # fmt: skip
    found = placed(requests("eu", "us", None), fleet, [EU, EU, EU], **section)
    assert found.deployments.tolist() == [EU, US, EU]
    assert found.reasons.tolist() == [ADDED, MOVED, UNKNOWN]
    free = placed(requests("eu"), fleet, [EU], **{**section, "most_added_rtt_seconds": None})
    assert free.added_rtt.tolist() == pytest.approx([0.08])


def test_a_small_gain_moves_nobody_when_more_is_asked_for(fleet: Fleet) -> None:
    section = {"choose": "price", "price_per_kwh": {"eu-west": 0.30, "us-east": 0.28}}
    assert placed(requests("eu"), fleet, [EU], **section, least_gain=0.1).reasons[0] == GAIN
    assert placed(requests("eu"), fleet, [EU], **section, least_gain=0.05).reasons[0] == MOVED


def test_work_that_costs_more_energy_stays_when_its_power_is_cheaper(fleet: Fleet) -> None:
    asked = RegionRouting(choose="price", price_per_kwh={"eu-west": 0.3, "us-east": 0.2})
    home = np.zeros(1, dtype=np.int64)
    twice = route_regions(requests("eu"), fleet, home, asked, None, np.array([1.0, 2.0, 1.0]))
    assert twice.reasons.tolist() == [BEST]
    unknown = route_regions(requests("eu"), fleet, home, asked, None, np.array([1.0, np.nan, 1.0]))
    assert unknown.reasons.tolist() == [UNKNOWN]


def test_recorded_prices_decide_when_no_price_of_power_is_given(fleet: Fleet) -> None:
    asked, home = RegionRouting(choose="price"), np.zeros(1, dtype=np.int64)
    found = route_regions(requests("eu"), fleet, home, asked, None, np.array([3.0, 2.0, 1.0]))
    assert found.deployments.tolist() == [US]
    with pytest.raises(LeverRefusedError, match="no deployment has a recorded price"):
        route_regions(requests("eu"), fleet, home, asked)


def test_residency_binds_tenants_and_the_unknown_when_others_leave(fleet: Fleet) -> None:
    frame = requests(*["us"] * 4, tenants=["bank", "acme", None, "bank"])
    found = placed(
        frame, fleet, [EU, EU, EU, US], choose="latency", rtt_seconds=RTT,
        residency=[{"when": {"tenant_id": "bank"}, "regions": "eu-west"}],
    )  # fmt: skip
    assert found.deployments.tolist() == [EU, US, EU, EU]
    assert found.reasons.tolist() == [RESIDENCY, MOVED, RESIDENCY, MOVED]
    assert not found.outlawed.any()


def test_history_outside_the_law_is_said_when_no_place_is_allowed(fleet: Fleet) -> None:
    found = placed(
        requests("us"), fleet, [ALONE_AT], choose="latency", rtt_seconds=RTT,
        residency=[{"when": {"tenant_id": "acme"}, "regions": "eu-west"}],
    )  # fmt: skip
    assert found.outlawed.tolist() == [True]
    assert found.deployments.tolist() == [ALONE_AT]
    assert "1 requests were answered where residency forbids and stay" in found.said[-1]
    bank = [{"when": {"tenant_id": "acme"}, "regions": "eu-west"}]
    far = placed(
        requests("us", None), fleet, [US, US], choose="latency", rtt_seconds=RTT, residency=bank,
        most_added_rtt_seconds=0.01,
    )  # fmt: skip
    assert far.deployments.tolist() == [EU, EU]
    assert far.added_rtt[0] == pytest.approx(0.07)
    assert np.isnan(far.added_rtt[1])


def test_the_late_ones_stay_when_an_hour_is_full(fleet: Fleet) -> None:
    """us-east takes three an hour, has one of its own until that moves; from 07:00 on three more."""
    section = {"choose": "latency", "rtt_seconds": RTT, "capacity_per_hour": {"b-us": 3}}
    frame = requests("us", "us", "eu", "us", "us", "us", minutes=5)
    found = placed(frame, fleet, [EU, EU, US, EU, EU, EU], **section)
    assert found.deployments.tolist() == [US, US, EU, US, EU, EU]
    assert found.reasons.tolist() == [MOVED, MOVED, MOVED, MOVED, FULL, FULL]
    later = placed(requests(*["us"] * 5, minutes=15), fleet, [EU] * 5, **section)
    assert later.deployments.tolist() == [US, US, US, US, US]
    with pytest.raises(LeverRefusedError, match="no deployment is called d-us"):
        placed(frame, fleet, [EU] * 6, **{**section, "capacity_per_hour": {"d-us": 1}})


regions = st.sampled_from(["eu", "us", None])


@given(
    st.lists(st.tuples(regions, st.sampled_from(["bank", "acme"]), st.integers(0, 1)), min_size=1),
    st.integers(0, 6),
)
@settings(max_examples=40, deadline=None)
def test_bounds_hold_when_any_traffic_moves(rows: list[tuple[Any, str, int]], limit: int) -> None:
    two = fleet_like()
    frame = requests(*(row[0] for row in rows), tenants=[row[1] for row in rows])
    home = [row[2] for row in rows]
    section = {
        "choose": "latency", "rtt_seconds": RTT, "capacity_per_hour": {"b-us": limit},
        "residency": [{"when": {"tenant_id": "bank"}, "regions": "eu-west"}],
    }  # fmt: skip
    found = placed(frame, two, home, **section)
    moved = found.deployments != np.array(home)
    assert ((found.reasons == MOVED) == moved).all()
    assert sum(found.counts.values()) == len(rows)
    bank = np.array([row[1] == "bank" for row in rows])
    assert not (moved & bank & (found.deployments == US)).any()
    hour = frame["started_at"].dt.hour().to_numpy()
    for one in np.unique(hour):
        came = (moved & (found.deployments == US) & (hour == one)).sum()
        there = ((found.deployments == US) & (hour == one)).sum()
        assert came == 0 or there <= limit
    free = placed(frame, two, home, choose="latency", rtt_seconds=RTT)
    assert (free.added_rtt <= 0).all()


def fleet_like() -> Fleet:
    ones, counts = np.ones(2), np.ones(2, dtype=np.int64)
    facts: dict[str, Any] = dict.fromkeys(Fleet.__dataclass_fields__, None)
    facts.update(
        ids=("a-eu", "b-us"), models=("m", "m"), tiers=("t", "t"), regions=("eu-west", "us-east"),
        replicas=counts, slots=counts, gpus=counts,
        prefill_weights=ones, cache_read_weights=ones, decode_weights=ones,
    )  # fmt: skip
    return Fleet(**facts)


SECTIONS = [
    ({"choose": "latency"}, "choose: latency needs rtt_seconds"),
    ({"choose": "carbon"}, "choose: carbon needs carbon_grams_per_kwh or series_file"),
    ({"choose": "price", "most_added_rtt_seconds": 1}, "most_added_rtt_seconds needs rtt_seconds"),
    ({"choose": "price", "price_per_kwh": {"eu": [1.0, 2.0]}}, "at least 24 items"),
    ({"choose": "price", "price_per_kwh": {"eu": float("nan")}}, "finite number"),
    ({"choose": "price", "capacity_per_hour": {"a": -1}}, "a capacity is 0 or more"),
    ({"choose": "price", "residency": [{"when": {}, "regions": "eu"}]}, "at least one condition"),
    ({"choose": "love"}, "'latency', 'price' or 'carbon'"),
]


@pytest.mark.parametrize(("section", "said"), SECTIONS)
def test_a_section_is_refused_when_it_contradicts_itself(section: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RegionRouting.model_validate(section)


def test_a_prefix_policy_is_flagged_when_one_worker_gets_all_load() -> None:
    replica = np.r_[np.zeros(95), np.ones(5)].astype(np.int64)
    said = herding(replica, np.ones(100), replicas=4, follows_prefix=True, load_weight=0.0)
    assert said is not None
    assert said.startswith("replica 0 of 4 gets 95% of the load: a prefix policy without a load")
    assert herding(replica, np.ones(100), 4, follows_prefix=True, load_weight=0.5) is None
    assert herding(replica, np.ones(100), 4, follows_prefix=False, load_weight=0.0) is None
    even = np.arange(100) % 4
    assert herding(even, np.ones(100), 4, follows_prefix=True, load_weight=0.0) is None
    assert herding(replica[:15], np.ones(15), 4, follows_prefix=True, load_weight=0.0) is None
    heavy = np.where(replica == 1, 100.0, 1.0)
    assert herding(replica, heavy, 4, follows_prefix=True, load_weight=0.0) is None
