"""Paired labels: how well several models answered the same prompts.

Belongs here: from columns to a table of prompts × models, and what it says by itself. Sweeps over
a router's scores live in `frontier`, cascades in `cascade`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Paired:
    """Scores of the same prompts by several models.

    Attributes:
        prompts: name of each prompt.
        models: name of each model.
        scores: (prompt, model); every one is known.
        costs: what each answer cost, in the unit of the file; null where the file does not say.
        incomplete: prompts left out since a score (or a cost) of some model is unknown.
    """

    prompts: tuple[str, ...]
    models: tuple[str, ...]
    scores: Floats
    costs: Floats | None
    incomplete: int = 0

    @property
    def count(self) -> int:
        """Prompts that every model answered."""
        return len(self.prompts)

    def score_of(self, model: str) -> Floats:
        """Score of each prompt's answer by a model."""
        column: Floats = self.scores[:, self._position(model)]
        return column

    def cost_of(self, model: str) -> Floats:
        """Cost of each prompt's answer by a model."""
        if self.costs is None:
            raise LeverRefusedError(
                "quality", "the labels hold no costs.", "Give a column of costs beside the scores."
            )
        column: Floats = self.costs[:, self._position(model)]
        return column

    def _position(self, model: str) -> int:
        if model not in self.models:
            known = ", ".join(self.models)
            raise LeverRefusedError(
                "quality", f"no label is about {model!r}.", f"Labelled models: {known}."
            )
        return self.models.index(model)


def paired_wide(frame: pl.DataFrame, models: Sequence[str], prompt: str | None = None) -> Paired:
    """Labels with one row per prompt and one column of scores (or of true and false) per model.

    Args:
        frame: the labels.
        models: columns of scores, named after their models.
        prompt: column that names the prompt; row numbers where null.

    Returns:
        The rows in which every model has a score.
    """
    scores = frame.select(pl.col(name).cast(pl.Float64) for name in models)
    names = frame[prompt].cast(pl.String) if prompt else pl.Series(range(frame.height))
    known = ~np.isnan(_numbers(scores)).any(axis=1)
    return Paired(
        prompts=tuple(str(name) for name in names.filter(pl.Series(known)).to_list()),
        models=tuple(models),
        scores=_numbers(scores)[known],
        costs=None,
        incomplete=int((~known).sum()),
    )


def paired_long(
    frame: pl.DataFrame,
    prompt: str = "prompt_fingerprint",
    model: str = "model",
    score: str = "score",
    cost: str | None = None,
) -> Paired:
    """Labels with one row per judgement of one answer, as `quality_labels` holds them.

    A score counts as the share of its scale where the scale is given (`scale_minimum`,
    `scale_maximum`); several judgements of one answer count as their mean.
    """
    values = [score] if cost is None else [score, cost]
    means = mean_labels(frame, prompt, model, score, cost)
    prompts = sorted(means[prompt].unique().to_list())
    models = tuple(sorted(means[model].unique().to_list()))
    tables = [_table(means, (prompt, model, name), prompts, models) for name in values]
    known = ~np.asarray(np.isnan(np.hstack(tables)).any(axis=1))
    return Paired(
        prompts=tuple(str(one) for one, whole in zip(prompts, known, strict=True) if whole),
        models=models,
        scores=tables[0][known],
        costs=tables[1][known] if cost is not None else None,
        incomplete=int((~known).sum()),
    )


def mean_labels(
    frame: pl.DataFrame, prompt: str, model: str, score: str, cost: str | None = None
) -> pl.DataFrame:
    """One row per answer: the mean of its judgements, each as the share of its scale."""
    kept = frame.with_columns(_scaled(frame, score).alias(score)).drop_nulls([prompt, model])
    values = [score] if cost is None else [score, cost]
    return kept.group_by(prompt, model).agg(pl.col(name).mean() for name in values)


def scores_of(
    labels: pl.DataFrame, requests: pl.Series, models: pl.Series, score: str = "score"
) -> Floats:
    """Score of a model's answer to each request; NaN where no label says.

    Args:
        labels: rows of request_id, model and score, as `quality_labels` holds them.
        requests: request_id of each request.
        models: model that answers each.
        score: column of scores.
    """
    means = mean_labels(labels, "request_id", "model", score)
    asked = pl.DataFrame({"request_id": requests, "model": models})
    found = asked.join(means, on=["request_id", "model"], how="left", maintain_order="left")
    numbers: Floats = found[score].fill_null(float("nan")).to_numpy()
    return numbers


def _scaled(frame: pl.DataFrame, score: str) -> pl.Expr:
    bounds = [name for name in ("scale_minimum", "scale_maximum") if name in frame.columns]
    stated = len(bounds) == 2 and frame[bounds].null_count().sum_horizontal()[0] < 2 * frame.height
    if not stated:
        return pl.col(score).cast(pl.Float64)
    if frame[bounds].null_count().sum_horizontal()[0]:
        raise LeverRefusedError(
            "quality",
            "some labels state their scale and others do not, so their scores cannot be averaged.",
            "Log scale_minimum and scale_maximum with every label.",
        )
    least, most = (pl.col(name).cast(pl.Float64) for name in bounds)
    return (pl.col(score).cast(pl.Float64) - least) / (most - least)


def _table(
    means: pl.DataFrame, names: tuple[str, str, str], prompts: list[str], models: tuple[str, ...]
) -> Floats:
    prompt, model, value = names
    rows = np.searchsorted(np.array(prompts), means[prompt].to_numpy())
    columns = np.searchsorted(np.array(models), means[model].to_numpy())
    table = np.full((len(prompts), len(models)), np.nan)
    table[rows, columns] = means[value].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return table


def _numbers(frame: pl.DataFrame) -> Floats:
    numbers: Floats = frame.fill_null(float("nan")).to_numpy()
    return numbers


@dataclass(frozen=True)
class Agreement:
    """Shares of prompts by which of two models is right.

    Attributes:
        both, only_strong, only_weak, neither: shares; they sum to 1.
    """

    both: float
    only_strong: float
    only_weak: float
    neither: float


def agreement(weak: Floats, strong: Floats, right_at: float = 1.0) -> Agreement:
    """Who is right, where an answer is right from a score of `right_at` on."""
    good_weak, good_strong = weak >= right_at, strong >= right_at
    return Agreement(
        both=float((good_weak & good_strong).mean()),
        only_strong=float((~good_weak & good_strong).mean()),
        only_weak=float((good_weak & ~good_strong).mean()),
        neither=float((~good_weak & ~good_strong).mean()),
    )


@dataclass(frozen=True)
class Oracle:
    """The best that any router over these models could do: it knows every score beforehand.

    Attributes:
        chosen: position of the model of each prompt.
        quality: mean score.
        cost: total cost; null where no costs are known.
        shares: share of prompts that each model gets.
    """

    chosen: Ints
    quality: float
    cost: float | None
    shares: tuple[float, ...]


def oracle(paired: Paired) -> Oracle:
    """The best answer of each prompt; of equal ones the cheapest, then the first model's.

    Name the models from weak to strong where costs are unknown, so that a tie goes to the weak.
    """
    costs = paired.costs if paired.costs is not None else np.zeros_like(paired.scores)
    best = paired.scores.max(axis=1, keepdims=True)
    chosen = np.where(paired.scores == best, costs, np.inf).argmin(axis=1)
    rows = np.arange(paired.count)
    counts = np.bincount(chosen, minlength=len(paired.models))
    return Oracle(
        chosen=chosen.astype(np.int64),
        quality=float(paired.scores[rows, chosen].mean()),
        cost=None if paired.costs is None else float(paired.costs[rows, chosen].sum()),
        shares=tuple(float(count) / paired.count for count in counts),
    )
