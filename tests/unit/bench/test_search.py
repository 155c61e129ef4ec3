import ast
from pathlib import Path

import numpy as np
import pytest

from bench import __main__ as scripts
from bench.result import Result
from bench.search import compare
from bench.search_codes import clustered, few, learned, uniform
from bench.search_peers import AUTO, FLAT, SCAN
from bench.search_targets import READING, Found, reach
from bench.search_worlds import TENS, World, worlds
from bench.targets import BY_KEY
from bench.timing import Turns

BENCH = Path(scripts.__file__).parent


def words(name):
    return {node.value for node in ast.walk(ast.parse((BENCH / f"{name}.py").read_text())) if isinstance(node, ast.Constant)}


def test_every_target_is_named_by_a_script_and_those_with_a_bound_by_one_that_is_checked():
    parts = {"search": "search_targets"}
    named = {name: words(name) | words(parts.get(name, name)) for name in scripts.SCRIPTS}
    assert BY_KEY.keys() - set().union(*named.values()) == set()
    bounded = {key for key, target in BY_KEY.items() if target.check is not None}
    assert bounded - set().union(*(named[name] for name in scripts.CHECKED)) == set()


@pytest.mark.parametrize("make", [uniform, clustered, few])
def test_codes_are_as_many_and_as_long_as_wanted(make):
    codes = make(3200, 128)
    assert (codes.shape, codes.dtype) == ((3200, 16), np.uint8)
    n_different = len(np.unique(codes, axis=0))
    assert n_different <= 200 if make is few else n_different > 3000


def test_learned_codes_have_the_bits_that_real_ones_share():
    real = np.random.default_rng(0).integers(0, 256, (40, 8), np.uint8)
    real[:, 0] = 7
    assert set(learned(500, real)[:, 0].tolist()) == {7}


def test_indexes_find_the_same_and_are_timed_beside_reading():
    codes = clustered(2256, 64)
    found = compare(codes[256:], codes[:256], 10, rounds=1, ours_only=True)
    assert found.recall == {FLAT: 1.0, SCAN: 1.0, AUTO: 1.0}
    assert found.one.seconds.keys() == {FLAT, SCAN, AUTO, READING}


def found_in(us):
    turns = Turns({FLAT: [100 * us], SCAN: [50 * us], AUTO: [us], READING: [40 * us]})
    return Found(turns, turns, turns, {}, {}, {SCAN: 16.0, AUTO: 80.0})


def test_worlds_of_the_bench_reach_every_target_of_searching():
    result = Result("search", "Search", {})
    reach(result, {world: found_in(1.0) for world in worlds("bench")})
    assert {key for key in BY_KEY if key.startswith(("search_", "worst_", "memory_"))} == result.targets.keys()
    assert result.targets["search_one_of_limit"].value == 0.8


def test_the_exponent_is_that_of_clustered_codes():
    result = Result("search", "Search", {})
    reach(result, {World("clustered", 100_000, 64): found_in(1.0), World("clustered", TENS, 64): found_in(10.0)})
    assert result.targets["search_exponent"].value == pytest.approx(0.5)
