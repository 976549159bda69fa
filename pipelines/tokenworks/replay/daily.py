"""A scenario of one day: its window, with the day before as warm-up."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from tokenworks.replay.language.base import Window
from tokenworks.replay.language.scenario import Scenario, load_scenario

#: Hours before the day that fill caches and queues.
WARM_UP_HOURS = 24.0


def of_day(path: Path, day: str) -> Scenario:
    """The scenario of a file on a UTC day; of a sweep its first point.

    Args:
        path: the scenario.
        day: `YYYY-MM-DD`.
    """
    start = datetime.fromisoformat(day)
    window = Window(start=start, end=start + timedelta(days=1), warm_up_hours=WARM_UP_HOURS)
    return load_scenario(path).model_copy(update={"window": window, "sweep": {}})
