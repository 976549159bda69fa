"""What history would have cost under another policy.

Pure: columns in, columns out. Nothing here imports Dagster or dbt, and this file re-exports
nothing, so that importing one part does not load the others. The way in is `run.run_replay`.
"""
