"""Files beside a scenario: scores, labels and hourly series, with errors that name file and field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError

Floats = NDArray[np.float64]

_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, try_parse_dates=True, infer_schema_length=None),
    ".jsonl": lambda path: pl.read_ndjson(path, infer_schema_length=None),
}


def side_table(path: Path, columns: Sequence[str], lever: str) -> pl.DataFrame:
    """A Parquet, CSV or JSON Lines file (also .gz) that has some columns.

    Args:
        path: the file.
        columns: columns that it must have.
        lever: path in the scenario that names the file.
    """
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    reader = _READERS.get(suffix)
    if reader is None:
        raise LeverRefusedError(
            lever, f"{path} is no file of scores.", "Give .parquet, .csv or .jsonl."
        )
    if not path.is_file():
        raise LeverRefusedError(lever, f"{path} does not exist.", "Check the path.")
    try:
        frame = reader(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LeverRefusedError(
            lever, f"{path} cannot be read: {str(error).splitlines()[0]}.", "Write it again."
        ) from error
    lacking = [name for name in columns if name not in frame.columns]
    if lacking:
        raise LeverRefusedError(
            lever,
            f"{path} lacks {', '.join(lacking)}.",
            f"Its columns are {', '.join(frame.columns)}.",
        )
    return frame


def of_requests(side: pl.DataFrame, column: str, frame: pl.DataFrame, lever: str) -> Floats:
    """A number of each request of the traffic by its request_id; NaN where the file has none."""
    if side["request_id"].n_unique() < side.height:
        twice = side.filter(pl.col("request_id").is_duplicated())["request_id"][0]
        raise LeverRefusedError(
            lever, f"request_id {twice} stands there twice.", "Keep one row per request."
        )
    named = side.select(pl.col("request_id").cast(pl.String), pl.col(column).cast(pl.Float64))
    joined = frame.select("request_id").join(
        named, on="request_id", how="left", maintain_order="left"
    )
    if joined[column].null_count() == frame.height:
        raise LeverRefusedError(
            lever,
            f"no request_id of the file is one of the traffic's {frame.height:,}.",
            "Name requests as the traffic does.",
        )
    numbers: Floats = joined[column].fill_null(float("nan")).to_numpy()
    return numbers
