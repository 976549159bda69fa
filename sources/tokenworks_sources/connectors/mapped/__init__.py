"""The mapped connector: a YAML mapping brings any CSV, JSONL or Parquet file onto a contract."""
