"""Which terms the law has: chosen by what each run says about the others, never on a test run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.regression import TERMS, Evidence, fit_designs
from tokenworks.replay.calibration.runs import Floats

BASE = TERMS[:4]
#: Terms that a law may have beside the four of every law.
OPTIONAL: tuple[tuple[str, ...], ...] = (
    (),
    ("with_prefill",),
    ("per_longest",),
    ("with_prefill", "per_longest"),
)
#: Requests from which the longest context decides, as tried.
LONGEST_FROM = (8, 12, 16, 20, 24, 30, 37, 45, 55, 64, 74, 90, 110, 128, 148, 180, 220, 256, 296)
#: Least standard deviation of running requests, as a share of their mean, that tells their cost.
LEAST_VARIATION = 0.05
#: A law with fewer terms is kept unless more of them lower the log error by this share of it, and
#: by this much.
LEAST_GAIN, LEAST_DIFFERENCE = 0.05, 0.003


@dataclass(frozen=True)
class Choice:
    """Terms of a law, and how well each run was told from the others.

    Attributes:
        terms: names of the terms.
        longest_from: requests from which the longest context decides; 1 without that term.
        left_out_error: root mean square of the log error over left-out runs, runs alike.
        bias: log of predicted over observed decoding seconds of each left-out run.
    """

    terms: tuple[str, ...]
    longest_from: int
    left_out_error: float
    bias: tuple[float, ...]


def choose_terms(evidence: Sequence[Evidence]) -> tuple[Choice, list[Choice]]:
    """The best choice and the best of every set of terms.

    With one run there is nothing to leave out: its halves by time take the place of runs.
    """
    parts = list(evidence) if len(evidence) > 1 else _halves(evidence[0])
    reach = max(float(one.beside.running.max(initial=0.0)) for one in parts)
    counts = [count for count in LONGEST_FROM if count <= max(reach, LONGEST_FROM[0])]
    targets = [part.seconds for part in parts]
    designs = {count: [part.design(count) for part in parts] for count in counts}
    always = _told_apart(designs[counts[0]])
    best = []
    for extra in OPTIONAL:
        terms = (*always, *extra)
        if "per_longest" in extra:
            choices = [_left_out(designs[count], targets, terms, count) for count in counts]
        else:
            choices = [_left_out(designs[counts[0]], targets, terms, 1)]
        best.append(min(choices, key=lambda one: one.left_out_error))
    chosen = best[0]
    for other in best[1:]:
        gain = chosen.left_out_error - other.left_out_error
        if gain > max(LEAST_GAIN * chosen.left_out_error, LEAST_DIFFERENCE):
            chosen = other
    return chosen, best


def _told_apart(designs: Sequence[Floats]) -> tuple[str, ...]:
    """Terms of every law; without the one per running request where the batch hardly varies.

    Its cost then is part of the base, and a law for other batches is left to the hull.
    """
    running = np.concatenate([design[:, 1] / design[:, 0] for design in designs])
    varies = float(running.std()) >= LEAST_VARIATION * float(running.mean())
    return BASE if varies else tuple(term for term in BASE if term != "per_running")


def _left_out(
    designs: Sequence[Floats], targets: Sequence[Floats], terms: tuple[str, ...], longest_from: int
) -> Choice:
    errors, biases = [], []
    for row, (design, seconds) in enumerate(zip(designs, targets, strict=True)):
        others = [place for place in range(len(designs)) if place != row]
        coefficients, _ = fit_designs(
            [designs[place] for place in others], [targets[place] for place in others], terms
        )
        fitted = np.maximum(design @ coefficients, 1e-12)
        errors.append(float(np.sqrt((np.log(seconds / fitted) ** 2).mean())))
        biases.append(float(np.log(fitted.sum() / seconds.sum())))
    return Choice(terms, longest_from, float(np.mean(errors)), tuple(biases))


def _halves(one: Evidence) -> list[Evidence]:
    rows = np.flatnonzero(one.rows)
    halves = []
    for part in np.array_split(rows, 2):
        chosen = np.zeros(len(one.rows), dtype=np.bool_)
        chosen[part] = True
        halves.append(Evidence(one.log, one.beside, chosen))
    return halves


def scales(evidence: Sequence[Evidence], longest_from: int) -> Floats:
    """For each term, the coefficient with which it alone would explain all the time.

    The terms of a prefill may explain no more than the time to first token in the run that queues
    least.
    """
    design = np.concatenate([one.design(longest_from) for one in evidence])
    seconds = np.concatenate([one.seconds for one in evidence])
    loads = np.maximum(design.sum(axis=0), 1e-12)
    found: Floats = np.full(len(TERMS), seconds.sum()) / loads
    waits = [float(one.log.ttft[one.rows].mean()) for one in evidence]
    computed = [max(float(one.log.uncached[one.rows].mean()), 1.0) for one in evidence]
    for term, most in (
        ("per_prefill_token", min(np.divide(waits, computed))),
        ("with_prefill", min(waits)),
    ):
        place = TERMS.index(term)
        found[place] = min(found[place], float(most))
    return found
