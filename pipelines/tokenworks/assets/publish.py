"""The published warehouse: what people read, replaced whole after all marts are built."""

from collections.abc import Iterable

import dagster as dg

from tokenworks.assets.warehouse import POOL
from tokenworks.resources import SettingsResource

KEY = dg.AssetKey(["publish", "warehouse"])


def publish_asset(marts: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of the published DuckDB file and Parquet."""

    @dg.asset(
        key=KEY,
        deps=list(marts),
        group_name="publish",
        kinds={"duckdb", "parquet"},
        pool=POOL,
        description="Marts in one DuckDB file and as Parquet, swapped in whole.",
    )
    def published_warehouse(settings: SettingsResource) -> dg.MaterializeResult[None]:
        from tokenworks.publish import publish

        home = settings.get()
        published = publish(home)
        return dg.MaterializeResult(
            metadata={
                "database": dg.MetadataValue.path(str(home.published_database)),
                "parquet": dg.MetadataValue.path(str(home.published_parquet)),
                "marts": dg.MetadataValue.md(rows_table(published.rows)),
            }
        )

    return published_warehouse


def rows_table(rows: dict[str, int]) -> str:
    """Rows by mart as Markdown."""
    lines = ["| mart | rows |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {mart} | {count} |" for mart, count in sorted(rows.items()))])
