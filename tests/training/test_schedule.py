from __future__ import annotations

import pytest
import torch

from facelm.training.schedule import average, learning_rate


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth() -> None:
    rates = [learning_rate(step, 200) for step in range(201)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(rates) == 1 and rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[105] == pytest.approx(0.505)
    assert rates[-1] == pytest.approx(0.01)


def test_a_run_of_one_step_has_a_rate() -> None:
    assert learning_rate(0, 1) == 1


def test_the_average_follows_short_runs_soon_and_long_ones_slowly() -> None:
    for count, share in ((0, 0.9), (5, 0.6), (100_000, 0.002)):
        averaged = [torch.zeros(3)]
        average(averaged, [torch.ones(3)], count)
        torch.testing.assert_close(averaged[0], torch.full((3,), share))


def test_whole_numbers_are_taken_as_they_are() -> None:
    averaged = [torch.tensor([3])]
    average(averaged, [torch.tensor([8])], 1000)
    assert averaged[0].tolist() == [8]
