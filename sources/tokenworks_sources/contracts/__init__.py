"""One module per lake table, each the only description of its columns.

`registry.py` lists them; `render.py` turns them into schemas, checks, dbt sources and docs.
"""
