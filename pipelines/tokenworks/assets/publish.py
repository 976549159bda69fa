"""The published warehouse: what people read, replaced in one go after all marts are built."""

from collections.abc import Iterable
from dataclasses import asdict

import dagster as dg

from tokenworks.assets.warehouse import POOL
from tokenworks.checks.alarms import PUBLISHED_FRESHNESS
from tokenworks.markdown import table
from tokenworks.publish import publish
from tokenworks.resources import SettingsResource

KEY = dg.AssetKey(["publish", "warehouse"])


def publish_asset(built: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of the published DuckDB file and Parquet."""

    @dg.asset(
        key=KEY,
        deps=list(built),
        group_name="publish",
        kinds={"duckdb", "parquet"},
        pool=POOL,
        freshness_policy=PUBLISHED_FRESHNESS,
        description="Marts in one DuckDB file and as Parquet, swapped in by renames.",
    )
    def published_warehouse(settings: SettingsResource) -> dg.MaterializeResult[None]:
        home = settings.get()
        marts = publish(home)
        return dg.MaterializeResult(
            metadata={
                "database": dg.MetadataValue.path(str(home.published_database)),
                "parquet": dg.MetadataValue.path(str(home.published_parquet)),
                "marts": dg.MetadataValue.md(table(map(asdict, marts), ("name", "rows", "digest"))),
            }
        )

    return published_warehouse
