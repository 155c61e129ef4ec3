import numpy as np
import pytest

from bench.drift import Case, false_alarms, first_alarm, measured_case, render, service_of
from model.calibration import MODALITY_PAIRS, Calibration
from model.codes import UInt8
from tests.builders import whole_calibration

PAIR = ("text", "image")


def even(seed: int, n: int) -> UInt8:
    """Returns codes of 8 bits whose distances to zeros are all alike often, as those of the calibration."""
    return np.array([0, 1, 3, 7, 15, 31, 63, 127, 255], np.uint8)[np.random.default_rng(seed).integers(9, size=n), None]


@pytest.fixture
def calibration() -> Calibration:
    return whole_calibration(8)


def test_the_first_alarm_is_that_of_queries_from_elsewhere(calibration: Calibration) -> None:
    zeros = np.zeros((300, 1), np.uint8)
    assert first_alarm(service_of({"image": zeros}, calibration), PAIR, even(0, 3000)) is None
    assert first_alarm(service_of({"image": zeros}, calibration), PAIR, np.full((700, 1), 255, np.uint8)) == 500


def test_services_that_are_like_the_calibration_raise_no_false_alarm(calibration: Calibration) -> None:
    asking, items = dict.fromkeys(("image", "text"), even(1, 500)), dict.fromkeys(("image", "text"), np.zeros((2500, 1), np.uint8))
    assert set(false_alarms(asking, items, calibration, 1).values()) == {0.0}


def test_what_a_modality_asks_is_told_by_direction(calibration: Calibration) -> None:
    case = Case("strange", {"text": even(2, 50)}, dict.fromkeys(("image", "text"), np.full((300, 1), 170, np.uint8)))
    rows = list(measured_case(case, calibration))
    assert [row["direction"] for row in rows] == ["text-image", "text-text"]
    shares = {"-".join(pair): 0.0 for pair in MODALITY_PAIRS}
    written = render({"drift": rows, "false_alarms": shares, "cost_us": 0.61})
    assert "| strange | text → image | " in written
    assert "| text → text | 0% |" in written
    assert written.endswith("0.61 µs a query")
