"""What an ESPI feed says beside its readings: entries, links, facts. Plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://[^/]*", re.IGNORECASE)
USAGE_POINT = re.compile(r"^(?:.*/)?UsagePoint/[^/]+", re.IGNORECASE)
_BARE_USAGE_POINT = re.compile(r"^UsagePoint/([^/]+)$", re.IGNORECASE)


@dataclass
class Entry:
    """One Atom entry: its links and the ESPI facts within it, texts by local name."""

    identifier: str = ""
    self_link: str = ""
    up_link: str = ""
    related: list[str] = field(default_factory=list)
    updated: str = ""
    published: str = ""
    kind: str = ""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass
class Summary:
    """A bill: a usage summary by element path (`billingPeriod/start`), its charges likewise.

    Attributes:
        number: place among the records of the feed that are no readings, from 1.
        entry: the entry around it, for its links and dates.
    """

    number: int
    entry: Entry = field(default_factory=Entry)
    facts: dict[str, str] = field(default_factory=dict)
    charges: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Feed:
    """What a feed says beside its readings.

    Attributes:
        usage_points, meter_readings, reading_types: entries by kind, in the order of the feed.
        block_links: distinct `up` links (`self` without its last segment where there is none) of
            entries with readings; a block's `ref` is an index into it.
        readings: number of `IntervalReading` elements.
        bills: usage summaries, in the order of the feed.
        others: number of summaries that hold no bill.
    """

    identifier: str = ""
    usage_points: list[Entry] = field(default_factory=list)
    meter_readings: list[Entry] = field(default_factory=list)
    reading_types: list[Entry] = field(default_factory=list)
    block_links: list[str] = field(default_factory=list)
    readings: int = 0
    bills: list[Summary] = field(default_factory=list)
    others: int = 0


def path_of(link: str) -> str:
    """A link without host, API prefix and slashes at its ends, so that spellings compare equal.

    >>> path_of("https://u.example/DataCustodian/espi/1_1/resource/RetailCustomer/1/UsagePoint/2/")
    'RetailCustomer/1/UsagePoint/2'
    """
    path = _HOST.sub("", link.strip())
    return path.rpartition("/resource/")[2].strip("/")


def meter_name(usage_point: str) -> str:
    """The meter id of a usage point: its path, or only its id where nothing stands before it.

    >>> meter_name("UsagePoint/meter-us-east"), meter_name("RetailCustomer/1/UsagePoint/2")
    ('meter-us-east', 'RetailCustomer/1/UsagePoint/2')
    """
    bare = _BARE_USAGE_POINT.match(usage_point)
    return bare.group(1) if bare else usage_point
