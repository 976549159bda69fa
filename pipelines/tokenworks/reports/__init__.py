"""Reports: published marts in; a workbook and a page out.

Pure: nothing here knows Dagster or dbt, and nothing here writes outside the folder it is given.
Import the concrete modules; this package re-exports nothing.
"""
