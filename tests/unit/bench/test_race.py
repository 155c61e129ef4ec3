import pytest

from bench.race import made


@pytest.fixture
def race_and_turns():
    return made("scan", 3000, 64)


def test_each_change_of_one_row_is_timed_and_every_row_of_it_was_there(race_and_turns):
    race, turns = race_and_turns
    assert turns.seconds.keys() == {"add one", "remove an old one", "remove a new one"}
    assert len(race.index) == 3000 + 2 - len(turns.seconds["remove an old one"]) - 1


def test_searches_beside_writes_are_right_and_waited_for(race_and_turns):
    race, _ = race_and_turns
    race.let("search", "change", seconds=0.2)
    assert race.waits["search"]
    assert race.waits["add"]


def test_a_wrong_answer_loses_the_race(race_and_turns):
    race, _ = race_and_turns
    race.nearest[1] = {1: -1}  # row 1 is gone
    with pytest.raises(SystemExit, match="a wrong answer"):
        race.let("search", seconds=5.0)
