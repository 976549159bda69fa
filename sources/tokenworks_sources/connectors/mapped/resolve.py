"""Which mapping a file gets: the landing folder's own `mapping.yaml`, else the library's.

A `mapping.yaml` beside the data, or in a folder above it up to the connector's landing folder, holds
one or more YAML documents. Each is a whole mapping, or `extends` one of the library and changes some of
it. The first document whose `files` pattern and columns fit is used.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
import yaml
from pydantic import ValidationError

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.mapped.spec import Mapping
from tokenworks_sources.connectors.tabular import CsvShape, header_of
from tokenworks_sources.errors import LandingFileError, TokenworksError, place_in_yaml
from tokenworks_sources.landing import preview_of

SIDECAR = "mapping.yaml"
LANDING_FOLDER = "mapped"
PARQUET_MAGIC = b"PAR1"
MOST_NAMES = 20

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class MappingError(TokenworksError):
    """A mapping that says something it may not say."""

    def __init__(self, path: Path | str, field: str, what: str) -> None:
        self.path = str(path)
        self.field = field
        where = f"{path}: {field}" if field else str(path)
        super().__init__(f"{where}: {what}")


@cache
def library() -> dict[str, Mapping]:
    """The mappings that come with the package, by name."""
    return {name: _validated(raw, f"library/{name}.yaml") for name, raw in _raw_library().items()}


@cache
def _raw_library() -> dict[str, dict[str, Any]]:
    folder = resources.files("tokenworks_sources.connectors.mapped") / "library"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            name = entry.name.removesuffix(".yaml")
            found[name] = {**yaml.safe_load(entry.read_text(encoding="utf-8")), "name": name}
    return found


def mapping_of(path: Path, table: str) -> Mapping:
    """The one mapping of a file below the landing folder of `table`.

    Raises:
        LandingFileError: no mapping fits, or more than one of the library.
        MappingError: the mapping breaks its own rules.
    """
    preview = preview_of(path)
    sidecar = sidecar_of(path)
    if sidecar is not None:
        mapping = _from_sidecar(sidecar, preview)
    else:
        mapping = _from_library(preview, table)
    if mapping.needs_anchor and mapping.anchor is None:
        raise LandingFileError(
            path,
            f"its clock starts anywhere, and mapping {mapping.name} has no anchor for it.",
            f"Write into a {SIDECAR} beside it when the run began: "
            f"{{extends: {mapping.name}, anchor: 2026-05-29T11:35:48Z}}.",
        )
    if mapping.table != table:
        raise LandingFileError(
            path,
            f"its mapping {mapping.name} fills {mapping.table}, but it lies under {table}.",
            f"Put it under landing/{mapping.table}/{LANDING_FOLDER}/.",
        )
    return mapping


def sidecar_of(path: Path) -> Path | None:
    """The nearest `mapping.yaml`: beside the file, or above it up to the connector's folder."""
    inside = any(parent.name == LANDING_FOLDER for parent in path.parents)
    for parent in path.parents:
        if (parent / SIDECAR).is_file():
            return parent / SIDECAR
        if parent.name == LANDING_FOLDER or not inside:
            return None
    return None


def digest_of(mapping: Mapping) -> str:
    """Changes with everything that the mapping says."""
    said = json.dumps(mapping.model_dump(mode="json", by_alias=True), sort_keys=True)
    return str(xxhash.xxh3_64_hexdigest(said.encode()))


def fits(mapping: Mapping, preview: Preview) -> bool:
    """The file's name and columns are those of the mapping."""
    columns = columns_of(preview, mapping)
    if columns is None or not fnmatch(preview.path.name, mapping.files):
        return False
    if set(mapping.without) & set(columns):
        return False
    wanted = set(mapping.recognise) | set(mapping.required_columns())
    if mapping.same_names:
        known = {column.name for column in mapping.contract.columns} | set(mapping.ignore)
        return wanted <= set(columns) <= known
    return wanted <= set(columns)


def columns_of(preview: Preview, mapping: Mapping) -> list[str] | None:
    """Columns of the file if it is of the mapping's format, else None."""
    if preview.head.startswith(PARQUET_MAGIC):
        if mapping.format != "parquet":
            return None
        return _parquet_names(preview.path)
    if mapping.format == "parquet":
        return None
    if mapping.format == "jsonl":
        return _keys_of(preview.first_line)
    lines = (preview.text or "").splitlines()[mapping.csv.skip_lines :]
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("{"):
        return None
    return header_of(first, CsvShape(mapping.csv.delimiter, mapping.csv.skip_lines))


def _parquet_names(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowInvalid as error:
        raise LandingFileError(path, f"damaged Parquet ({error}).", "Ship it again.") from error


def _keys_of(line: str) -> list[str] | None:
    """Dotted paths of the first object."""
    try:
        record = msgspec.json.decode(line)
        return _paths(record) if isinstance(record, dict) else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _paths(record: dict[str, Any], above: str = "") -> list[str]:
    found = []
    for key, value in record.items():
        found.append(f"{above}{key}")
        if isinstance(value, dict):
            found += _paths(value, f"{above}{key}.")
    return found


def _from_library(preview: Preview, table: str) -> Mapping:
    known = [mapping for mapping in library().values() if mapping.table == table]
    fitting = [mapping for mapping in known if fits(mapping, preview)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(mapping.name for mapping in fitting)
        raise LandingFileError(
            preview.path,
            f"more than one mapping fits: {names}.",
            f"Write `extends: <name>` into a {SIDECAR} beside it.",
        )
    names = ", ".join(mapping.name for mapping in known) or "none"
    raise LandingFileError(
        preview.path,
        f"no mapping of {table} fits its columns ({_described(preview)}).",
        f"Put a {SIDECAR} beside it. The library has for {table}: {names}.",
    )


def _described(preview: Preview) -> str:
    """The names of a file's columns as far as they cannot be data; a first line may be a record."""
    if preview.head.startswith(PARQUET_MAGIC):
        return _listed(_parquet_names(preview.path))
    keys = _keys_of(preview.first_line)
    if keys is not None:
        return _listed(keys)
    header = header_of(preview.first_line)
    is_header = len(header) > 1 and all(_NAME.fullmatch(name) for name in header)
    return _listed(header) if is_header else "its first line is no header of plain names"


def _listed(names: list[str]) -> str:
    plain = [name for name in names if _NAME.fullmatch(name)]
    listed = ", ".join(plain[:MOST_NAMES]) or "no plain names"
    more = len(names) - len(plain[:MOST_NAMES])
    return f"{listed} and {more} more" if more else listed


def read_mappings(path: Path) -> list[Mapping]:
    """The mappings of a YAML file, in order.

    Raises:
        MappingError: the file is no YAML, or a mapping breaks its own rules.
    """
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8-sig")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(path, "", f"not YAML: {place_in_yaml(error)}") from error
    return [_extended(document, path) for document in documents if document is not None]


def mapping_in(path: Path, preview: Preview) -> Mapping:
    """The mapping of a YAML file that a data file gets: the first that fits, or the only one."""
    return _from_sidecar(path, preview)


def _from_sidecar(sidecar: Path, preview: Preview) -> Mapping:
    mappings = read_mappings(sidecar)
    if len(mappings) == 1 and fnmatch(preview.path.name, mappings[0].files):
        return mappings[0]
    for mapping in mappings:
        if fits(mapping, preview):
            return mapping
    raise LandingFileError(
        preview.path,
        f"none of the {len(mappings)} mappings in {sidecar} fits its name and columns.",
        "Compare `files`, `recognise` and the source columns with the file's header.",
    )


def _extended(document: Any, sidecar: Path) -> Mapping:
    if not isinstance(document, dict):
        raise MappingError(sidecar, "", "a mapping is a set of `key: value` lines.")
    own = dict(document)
    base_name = own.pop("extends", None)
    if base_name is None:
        return _validated(own, sidecar)
    if base_name not in _raw_library():
        names = ", ".join(_raw_library())
        raise MappingError(sidecar, "extends", f"{base_name!r} is not in the library; use {names}.")
    base = _raw_library()[base_name]
    columns = {**base.get("columns", {}), **(own.get("columns") or {})}
    # A column that is set to null is taken out of the mapping.
    columns = {name: source for name, source in columns.items() if source is not None}
    return _validated({**base, **own, "columns": columns}, sidecar)


def _validated(raw: dict[str, Any], path: Path | str) -> Mapping:
    try:
        return Mapping.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise MappingError(path, field, _explained(first, field)) from error


def _explained(problem: Any, field: str) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        place = Mapping if "." not in field else None
        known = ", ".join(place.model_fields) if place else "see docs/mapping.md"
        return f"there is no such key; known: {known}."
    return f"{message}."
