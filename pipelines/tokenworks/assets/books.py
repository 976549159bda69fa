"""Closed books as external assets: they are written by `tokenworks close`, never by a schedule.

Closing is a person's decision, so no asset does it; the build verifies what is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

GROUP = "books"


def books_assets(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """External assets, one per table of closed books that dbt reads."""
    return [
        dg.AssetSpec(
            dg.AssetKey([source["source_name"], source["name"]]),
            group_name=GROUP,
            kinds={"parquet"},
            description=source["description"],
        )
        for source in manifest["sources"].values()
        if source["source_name"] == GROUP
    ]
