"""Columns of the period in which a fact of the fleet holds."""

from tokenworks_sources.contracts.model import Column

VALID_FROM = Column(
    "valid_from", "timestamp", "The fact holds from here on, inclusive.", "UTC", required=True
)
VALID_TO = Column(
    "valid_to", "timestamp", "The fact holds until here, exclusive; null is open.", "UTC"
)
