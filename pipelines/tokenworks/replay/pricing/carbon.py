"""Carbon of replayed work: facility energy at the grid intensity of the deployment's own days.

Grams per facility joule of a deployment's model, tier and region on a UTC day are those of the
published energy report; a day without a row takes the whole window's. Where no report or no
intensity is published, carbon is unknown.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]

JOULES_PER_KWH = 3.6e6


def intensities(energy: pl.DataFrame | None, fleet: Fleet, first: date, days: int) -> Floats:
    """Grams per facility joule, one table (deployment, day); NaN where unknown.

    Args:
        energy: published energy and carbon by day, model, tier and region, or null.
        fleet: the deployments.
        first: the day that counts as 0.
        days: number of days.
    """
    grams, joules = np.zeros((fleet.count, days)), np.zeros((fleet.count, days))
    if energy is None:
        return np.full((fleet.count, days), np.nan)
    kinds = list(zip(fleet.models, fleet.tiers, fleet.regions, strict=True))
    known = energy.filter(
        pl.col("facility_kwh").is_not_null() & pl.col("carbon_location_grams").is_not_null()
    ).select("event_date", "model", "tier", "region", "facility_kwh", "carbon_location_grams")
    for day, model, tier, region, kwh, carbon in known.rows():
        place = (day - first).days
        if not 0 <= place < days:
            continue
        for position, kind in enumerate(kinds):
            if kind == (model, tier, region):
                grams[position, place] += float(carbon)
                joules[position, place] += float(kwh) * JOULES_PER_KWH
    with np.errstate(invalid="ignore", divide="ignore"):
        overall = grams.sum(axis=1) / joules.sum(axis=1)
        return np.where(joules > 0, grams / joules, overall[:, None])
