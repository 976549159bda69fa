"""The public validator's rules, corrected where they contradict themselves or the specification.

Nothing of the rules is kept here: the copy is made of the installed JSON each time. Eight rules differ:

- InvoiceId-C-003, -004, -005 ask of every row that its invoice is null and that it is not. Whether a
  charge is on an invoice is not in the data, so they cannot be decided from it.
- CommitmentDiscountStatus-C-004 asks for a status where there is no commitment; -C-005 allows only
  values of another column.
- CapacityReservationStatus-C-003 and -C-004 hold their conditions in a form that is not read, so they
  ask for a status on every row.
- ConsumedQuantity-C-006 asks for a quantity of corrections instead of all others.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

UNDECIDABLE = ("InvoiceId-C-003-C", "InvoiceId-C-004-C", "InvoiceId-C-005-C")
# What fails of any file with rows, whatever it holds.
CONTRADICTORY = {"InvoiceId-C-000-O", *UNDECIDABLE}

Rules = dict[str, Any]


def _is(column: str, value: str | None) -> dict[str, Any]:
    return {"CheckFunction": "CheckValue", "ColumnName": column, "Value": value}


def _is_not(column: str, value: str | None) -> dict[str, Any]:
    return {"CheckFunction": "CheckNotValue", "ColumnName": column, "Value": value}


def _both(*items: dict[str, Any]) -> dict[str, Any]:
    return {"CheckFunction": "AND", "Items": list(items)}


CONDITIONS = {
    "CommitmentDiscountStatus-C-004-C": _both(
        _is_not("CommitmentDiscountId", None), _is("ChargeCategory", "Usage")
    ),
    "CapacityReservationStatus-C-003-C": _is("CapacityReservationId", None),
    "CapacityReservationStatus-C-004-C": _both(
        _is_not("CapacityReservationId", None), _is("ChargeCategory", "Usage")
    ),
    "ConsumedQuantity-C-006-C": _is_not("ChargeClass", "Correction"),
}
STATUSES = {"CommitmentDiscountStatus-C-005-M": ("Used", "Unused")}


def corrected(model: Rules) -> Rules:
    """A copy of the installed model with the eight corrections."""
    result = copy.deepcopy(model)
    rules = result["ModelRules"]
    for name in UNDECIDABLE:
        rules[name]["Type"] = "Dynamic"
    for name, condition in CONDITIONS.items():
        rules[name]["ValidationCriteria"]["Condition"] = condition
    for name, values in STATUSES.items():
        items = [_is("CommitmentDiscountStatus", value) for value in values]
        rules[name]["ValidationCriteria"]["Requirement"] = {"CheckFunction": "OR", "Items": items}
    return result


def write_corrected(installed: Path, folder: Path) -> Path:
    """Write the corrected model under the installed one's name."""
    folder.mkdir(parents=True, exist_ok=True)
    model = json.loads(installed.read_text(encoding="utf-8"))
    (folder / installed.name).write_text(json.dumps(corrected(model)), encoding="utf-8")
    return folder
