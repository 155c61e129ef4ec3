"""What is told of a query and a hit, from values made up for the purpose."""

import json

import numpy as np
import pytest

from app.explanation import certainty_of, explain_hit, explained, known
from app.explanation_schemas import HitExplanation, QueryExplanation
from model.codes import pack_codes, sign_codes
from model.label_reader import LabelReader

MEASURED = {
    "on": {"data": "fake"},
    **{name: {"precision": 1.0, "recall": None, "calibration_error": 0.0} for name in ("image", "text")},
}
NAMES = ("dog", "cat", "bus")
QUERY = [1.0, -1.0, 1.0, 0.1, 1.0, -0.05, 1.0, 1.0]
HIT = [1.0, 1.0, 1.0, -1.0, 0.01, -1.0, 1.0, 1.0]


def reader(least=0.5):
    """Reads "dog" off the first bit, "cat" off the second and "bus" off the third."""
    weights = np.zeros((8, 3), np.float32)
    weights[[0, 1, 2], [0, 1, 2]] = 2.0
    zero = np.zeros(3, np.float32)
    return LabelReader(NAMES, {"image": weights, "text": weights * 2}, {"image": zero, "text": zero}, least, MEASURED)


READER = reader()


def looked_at(values, modality, *, with_values=True, labels=READER):
    values = np.array(values, np.float32)
    return known(pack_codes(sign_codes(values[None]))[0].tobytes(), values if with_values else None, modality, labels)


def test_labels_are_those_that_both_are_predicted_to_have_the_surest_first():
    told = explain_hit(looked_at(QUERY, "text"), looked_at(HIT, "image"))
    assert [label.model_dump() for label in told.labels] == [
        {"name": "dog", "query": 0.982, "hit": 0.881},
        {"name": "bus", "query": 0.982, "hit": 0.881},
    ]
    assert told.summary.startswith("Both are predicted to have: dog, bus. Differing bits: 2 of 8.")


def test_differing_bits_come_with_the_lesser_certainty_largest_first():
    told = explain_hit(looked_at(QUERY, "text"), looked_at(HIT, "image"))
    assert told.n_differing == len(told.differing_bits) == 2
    assert [bit.bit for bit in told.differing_bits] == [1, 3]
    assert [(bit.weight, bit.query, bit.hit) for bit in told.differing_bits] == [(1.0, 1.0, 1.0), (0.115, 0.115, 1.0)]


def test_the_distance_could_change_by_the_undecided_bits_of_both():
    query, hit = looked_at(QUERY, "text"), looked_at(HIT, "image")
    told = explain_hit(query, hit)  # bits 3 and 5 of the query and bit 4 of the hit; of these only bit 3 differs now
    assert (told.undecided_bits, told.n_undecided, told.distance_range) == ([4], 1, [1, 4])
    assert told.summary.endswith("Nearly undecided: 2 of the query, 1 of the hit; the distance could be 1 to 4.")
    flips = [[3], [3, 4], [4, 5], [3, 4, 5], []]
    for bits in flips:
        other = query.signs.copy()
        other[bits] *= -1
        assert told.distance_range[0] <= int((other != hit.signs).sum()) <= told.distance_range[1]


@pytest.mark.parametrize(
    ("of_query", "of_hit", "weights", "words"),
    [
        (True, False, [1.0, 0.115], "Nearly undecided: 2 of the query; the distance could be 1 to 3."),
        (False, True, [1.0, 1.0], "Nearly undecided: 1 of the hit; the distance could be 2 to 3."),
        (False, False, [1.0, 1.0], "How sure the bits were is not known."),
    ],
)
def test_whatever_is_not_known_is_null_and_has_no_weight(of_query, of_hit, weights, words):
    told = explain_hit(looked_at(QUERY, "text", with_values=of_query), looked_at(HIT, "image", with_values=of_hit))
    assert [bit.weight for bit in told.differing_bits] == pytest.approx(weights, abs=0.01)
    assert {bit.query is None for bit in told.differing_bits} == {not of_query}
    assert {bit.hit is None for bit in told.differing_bits} == {not of_hit}
    assert (told.undecided_bits is None, told.n_undecided is None) == (not of_hit, not of_hit)
    assert told.summary.endswith(words)


@pytest.mark.parametrize("length", [1e-3, 1.0, 50.0])
def test_certainty_does_not_depend_on_the_length_that_heads_give_their_codes(length):
    values = np.array([0.5, -0.5, 0.05, 2.0], np.float32)
    found = certainty_of(values * np.float32(length), sign_codes(values[None])[0])
    root_mean_square = np.sqrt((values**2).mean())
    assert found == pytest.approx(np.minimum(1, np.abs(values) / root_mean_square), rel=1e-5)
    assert certainty_of(np.sign(values), sign_codes(values[None])[0]) == pytest.approx(1.0)


def test_a_bit_that_is_the_other_way_round_in_the_stored_code_was_on_the_boundary():
    values = np.array([1e-9, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0], np.float32)
    signs = sign_codes(values[None])[0]
    signs[0] = -1
    assert certainty_of(values, signs)[0] == 0.0
    assert (certainty_of(np.zeros(8, np.float32), signs) == 0.0).all()


def test_nothing_undecided_and_nothing_in_common_is_said_as_well():
    query = looked_at([1, -1, -1, 1, 1, 1, 1, 1], "text")
    told = explain_hit(query, looked_at([-1, 1, -1, 1, 1, 1, 1, 1], "image"))
    assert (told.labels, told.distance_range) == ([], [2, 2])
    assert told.summary == "No label is predicted for both. Differing bits: 2 of 8. No bit was nearly undecided."


def test_without_labels_it_is_said_why():
    query, hit = (looked_at(values, "text", labels=None) for values in (QUERY, HIT))
    told = explained(query, [hit], None)
    of_hit, of_query = HitExplanation.model_validate_json(told.hits[0]), QueryExplanation.model_validate_json(told.query)
    assert of_hit.labels is of_query.labels is of_query.least_probability is of_query.labels_measured is None
    assert of_hit.labels_missing == of_query.labels_missing
    assert "`python -m training labels`" in of_hit.labels_missing
    assert of_hit.summary.startswith("Differing bits: 2 of 8.")


def test_without_a_modality_nothing_is_predicted_of_the_query():
    told = explained(looked_at(QUERY, None), [looked_at(HIT, "image")], reader())
    of_query, of_hit = json.loads(told.query), json.loads(told.hits[0])
    assert of_query["labels"] is of_hit["labels"] is None
    assert (
        of_query["labels_missing"]
        == of_hit["labels_missing"]
        == 'say in "modality" what the query is to count as, "image" or "text"'
    )


def test_the_query_names_its_own_labels_and_the_bounds_that_hold():
    told = json.loads(explained(looked_at(QUERY, "text"), [], reader(0.9)).query)
    assert told["labels"] == [{"name": "dog", "probability": 0.982}, {"name": "bus", "probability": 0.982}]
    assert (told["least_probability"], told["undecided_below"]) == (0.9, 0.2)
    assert (told["undecided_bits"], told["n_undecided"]) == ([3, 5], 2)
    assert told["labels_measured"] == MEASURED
