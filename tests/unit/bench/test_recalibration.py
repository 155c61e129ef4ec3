import numpy as np
import pytest

from bench.recalibration import beta_binomial, main, worlds
from tests.builders import whole_calibration


def test_draws_are_of_the_truth():
    curve = whole_calibration().curves["text", "image"]
    [world] = [world for name, world in worlds(curve) if name == "flatter"]
    hits = world.judged(200_000, np.random.default_rng(1))
    counts = np.bincount(hits.distances, minlength=65)
    shares = np.bincount(hits.distances[hits.relevant], minlength=65)[5:20] / counts[5:20]
    assert shares == pytest.approx(world.truth[5:20], abs=0.02)
    assert counts / 200_000 == pytest.approx(world.shown, abs=0.005)
    assert np.bincount(hits.queries).max() == 5


def test_the_plain_alternative_moves_each_distance_by_its_own_judgements():
    curve = whole_calibration().curves["text", "image"]
    [world] = [world for name, world in worlds(curve) if name == "rarer"]
    far, near = (world.error(beta_binomial(curve, world.judged(n, np.random.default_rng(1)))) for n in (100, 50_000))
    assert near < 0.02 < far < world.error(curve.value)


def test_the_table_has_three_rows_a_truth(capsys):
    assert main(["--draws", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 3 * 7
    assert lines[2].startswith("| the bundle's own | 0.000 | recalibrated |")


def test_a_bundle_that_is_not_there_is_told(capsys, tmp_path):
    assert main(["--bundle", str(tmp_path)]) == 1
    assert capsys.readouterr().err
