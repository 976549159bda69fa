"""Jobs, and the hours at which they start by themselves.

Belongs here: which assets run together, and when. What starts on new files lives in `sensors.py`.
"""

from datetime import timedelta
from typing import Any, TypeAlias

import dagster as dg

# Dagster exports no name for what `define_asset_job` returns.
AssetJob: TypeAlias = Any

INGEST_JOB, REFRESH_JOB, REPORT_JOB = "ingest", "refresh", "report"
LAKE = dg.AssetSelection.groups("lake")
BOOKS = LAKE | dg.AssetSelection.groups(
    "staging", "intermediate", "marts", "seeds", "snapshots", "publish"
)


def jobs() -> dict[str, AssetJob]:
    """All jobs by name; Dagster takes their partitions from their assets."""
    return {
        INGEST_JOB: dg.define_asset_job(
            INGEST_JOB,
            LAKE,
            description="New landing files into the lake, and the checks of the days they touch.",
        ),
        REFRESH_JOB: dg.define_asset_job(
            REFRESH_JOB,
            BOOKS,
            description="Landing files, lake, warehouse, publish: the books as of now.",
        ),
        REPORT_JOB: dg.define_asset_job(
            REPORT_JOB,
            dg.AssetSelection.groups("reports"),
            description="Workbook and page of one month.",
        ),
    }


def schedules(
    by_name: dict[str, AssetJob],
) -> list[dg.ScheduleDefinition]:
    """The hourly and the monthly schedule; both are off until they are switched on."""

    @dg.schedule(
        name="hourly",
        job=by_name[REFRESH_JOB],
        # Shippers that rotate at the hour have five minutes.
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        description="Ingest, build and publish, for the day of the hour that ended.",
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        ended = context.scheduled_execution_time - timedelta(hours=1)
        return dg.RunRequest(
            run_key=f"hourly-{ended:%Y-%m-%dT%H}", partition_key=f"{ended:%Y-%m-%d}"
        )

    @dg.schedule(
        name="monthly",
        job=by_name[REPORT_JOB],
        # Late files of the last day and the utility's readings have a day to land.
        cron_schedule="0 6 2 * *",
        execution_timezone="UTC",
        description="The report of the previous month.",
    )
    def monthly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        first = context.scheduled_execution_time.replace(day=1)
        month = (first - timedelta(days=1)).replace(day=1)
        return dg.RunRequest(run_key=f"monthly-{month:%Y-%m}", partition_key=f"{month:%Y-%m-%d}")

    return [hourly, monthly]
