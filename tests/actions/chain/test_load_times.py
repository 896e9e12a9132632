"""The percentiles of a load: within the precision that is promised, in little memory."""

from __future__ import annotations

from random import Random

import pytest

from actions.chain.load.times import PRECISION, Times


def filled(durations: list[float]) -> Times:
    times = Times()
    for seconds in durations:
        times.add(seconds)
    return times


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_percentiles_are_as_exact_as_promised(share: float, seed: int) -> None:
    random = Random(seed)
    durations = sorted(random.lognormvariate(-6, 2) for _ in range(1000))
    exact = durations[max(round(share * 1000) - 1, 0)]
    assert filled(durations).percentile(share) == pytest.approx(exact, rel=PRECISION * 1.001)


def test_the_longest_is_exact_and_nothing_is_longer() -> None:
    spread = filled([0.1, 0.2, 0.123456]).spread()
    assert (spread.number, spread.longest) == (3, 0.2)
    assert spread.p99 <= 0.2


def test_nothing_yet_is_no_time() -> None:
    assert Times().spread() == (0, 0.0, 0.0, 0.0, 0.0)


def test_no_time_at_all_is_counted() -> None:
    assert filled([0.0, 0.0]).spread().number == 2


def test_a_million_durations_take_few_classes() -> None:
    random = Random(1)
    times = filled([10 ** random.uniform(-6, 3) for _ in range(100_000)])
    assert len(times._classes) <= 9 * 116
