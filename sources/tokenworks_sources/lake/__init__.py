"""The lake: typed Parquet by event date, staged beside and moved in by one journal, manifests last.

Belongs here: where things lie in the lake (`paths`), what one unit of work gives to it (`stage`,
`sink`, `batch`), how that becomes visible at once (`journal`, `commit`), and how many parts become one
(`rewrite`, `compact`). What a file means belongs to its connector; which files to read belongs to
`ingest.py`.
"""

from tokenworks_sources.lake.paths import (
    ensure_tables,
    partition_files,
    partition_folder,
    rejects_file,
)
from tokenworks_sources.lake.sink import LakeSink

__all__ = ["LakeSink", "ensure_tables", "partition_files", "partition_folder", "rejects_file"]
