"""The Prometheus text exposition and OpenMetrics, shared by every connector that reads scrapes.

Belongs here: lines, series, clocks, scrapes and the choice between samples that compete for one
value. Does not belong here: what any metric means; that is each connector's table of aliases.
"""
