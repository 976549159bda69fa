"""Figures of the small September, by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.unit.reports.typing_helpers import WriteMart
from tokenworks.reports.chargeback import Chargeback
from tokenworks.reports.ledger import LedgerError, ledgers
from tokenworks.reports.quality import grade
from tokenworks.reports.read import Marts, read_month
from tokenworks.reports.tables import ReportTables, check_summaries
from tokenworks_sources.settings import Settings
