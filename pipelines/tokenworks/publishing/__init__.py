"""What publishing writes: the tables, the parts of the Parquet, and what it keeps of the version before."""
