from app.pace import QUICK_S, Pace


def paced(*times_s):
    """Returns the pace after pieces of work of some lengths."""
    now = iter([moment for took_s in times_s for moment in (0.0, took_s)])
    pace = Pace(clock=lambda: next(now))
    for _ in times_s:
        pace.took(pace.now())
    return pace


def test_nothing_is_quick_before_it_was_measured():
    assert not Pace().is_quick


def test_quick_work_is_quick_and_slow_work_is_not():
    assert paced(QUICK_S / 2).is_quick
    assert not paced(2 * QUICK_S).is_quick


def test_one_slow_piece_of_work_is_soon_forgotten_but_many_count():
    assert not paced(*[QUICK_S / 10] * 20, 60.0).is_quick
    assert paced(*[QUICK_S / 10] * 20, 60.0, *[QUICK_S / 10] * 3).is_quick
    assert not paced(*[QUICK_S / 10] * 20, *[2 * QUICK_S] * 10).is_quick
