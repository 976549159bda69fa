"""Columns of CSV whose records are lines, by kernels, and of the JSON inside their cells.

A line of which the kernel is not sure is left, as in `json_columns`. Where a record takes more than one
line, nothing behind it is a line of its own: there the kernel stops.
"""
