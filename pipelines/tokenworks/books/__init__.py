"""The books over time: what was recorded when, what is closed, and what was corrected since.

Belongs here: the folder `books/` of a home. What a figure means belongs to dbt; what a report shows to
`reports/`. This package re-exports nothing.
"""
