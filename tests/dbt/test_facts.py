"""The seeds of public facts: names that mean one row each, and figures that are published."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

SEEDS = ("model_facts", "chip_facts", "precision_facts")


def _rows(root: Path, seed: str) -> list[dict[str, str]]:
    with (root / "dbt" / "seeds" / f"{seed}.csv").open() as file:
        return list(csv.DictReader(file))


def _row(root: Path, seed: str, name: str) -> dict[str, str]:
    return next(row for row in _rows(root, seed) if name in row.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fact_names_its_source(root: Path, seed: str) -> None:
    assert [row for row in _rows(root, seed) if not row["source"]] == []


@pytest.mark.parametrize("seed", ["model_facts", "chip_facts"])
def test_a_name_means_one_row_when_it_is_looked_up(root: Path, seed: str) -> None:
    names = [name for row in _rows(root, seed) for name in row["known_as"].split("|")]
    assert sorted(set(names)) == sorted(names)
    assert [name for name in names if not re.fullmatch("[a-z0-9]+", name)] == []


def test_a_board_is_not_guessed_when_its_name_fits_several(root: Path) -> None:
    """An H100 is 989 TFLOP/s on SXM and 756 on PCIe; an A100 has 40 GB or 80."""
    names = {name for row in _rows(root, "chip_facts") for name in row["known_as"].split("|")}
    assert names.isdisjoint({"h100", "a100"})


@pytest.mark.parametrize(
    ("model", "total", "kv_values"),
    [
        # Sizes of the published checkpoints; bytes of keys and values are 131,072 and 327,680 in bf16.
        ("llama-3.1-8b", 8_030_261_248, 65_536),
        ("llama-3.1-70b", 70_553_706_496, 163_840),
        ("qwen3-30b-a3b", 30_532_122_624, 49_152),
        # Latent attention keeps 512 and 64 numbers in each of 61 layers.
        ("deepseek-v3", 671_026_419_200, 35_136),
    ],
)
def test_facts_of_a_model_are_those_of_its_checkpoint(
    root: Path, model: str, total: int, kv_values: int
) -> None:
    row = _row(root, "model_facts", model)
    assert (int(row["parameters_total"]), int(row["kv_values_per_token"])) == (total, kv_values)


def test_ridge_of_the_h100_is_the_published_one(root: Path) -> None:
    chip = _row(root, "chip_facts", "H100-SXM-80GB")
    ridge = int(chip["flops_16bit"]) / int(chip["memory_bytes_per_second"])
    assert ridge == pytest.approx(295.22, abs=0.005)


def test_a_token_passes_fewer_parameters_than_lie_in_memory(root: Path) -> None:
    for row in _rows(root, "model_facts"):
        embeddings = 2 * int(row["hidden"]) * int(row["vocabulary"])
        experts = int(row["expert_parameters"] or 0)
        rest = int(row["parameters_total"]) - int(row["parameters_active"])
        assert 0 < rest <= embeddings + experts, row["model"]
