"""The ledger must notice every broken promise, and no kept one."""
import pytest

from ledger import Ledger, LifeState, State


@pytest.fixture(name="ledger")
def some_ledger():
    """Source a holds two acknowledged batches, of 3 rows and of 1, and one without an answer, of 2."""
    ledger = Ledger()
    life = ledger.begin_life("a", LifeState.LIVING)
    for rows, state in ((3, State.ACKNOWLEDGED), (1, State.ACKNOWLEDGED), (2, State.SENT)):
        ledger.begin_batch(life, rows, keyed=True).state = state
    return ledger


def rows_of(ledger, *numbers):
    batches = ledger.batches()
    return [batches[number].document(row) for number in numbers for row in range(batches[number].rows)]


def test_what_was_acknowledged_is_right_with_and_without_what_was_not(ledger):
    assert ledger.settle({"a": rows_of(ledger, 1, 0)}) == []
    assert [batch.state for batch in ledger.batches()] == [State.ACKNOWLEDGED, State.ACKNOWLEDGED, State.GONE]


def test_what_was_seen_once_must_stay(ledger):
    assert ledger.settle({"a": rows_of(ledger, 0, 1, 2)}) == []
    [problem] = ledger.settle({"a": rows_of(ledger, 0, 1)})
    assert "acknowledged and lost: batch 2" in problem


def test_what_was_not_there_must_not_come_back(ledger):
    ledger.settle({"a": rows_of(ledger, 0, 1)})
    [problem] = ledger.settle({"a": rows_of(ledger, 0, 1, 2)})
    assert "came back: batch 2" in problem


def test_a_lost_batch_is_noticed(ledger):
    [problem] = ledger.settle({"a": rows_of(ledger, 1)})
    assert "acknowledged and lost: batch 0" in problem


def test_half_a_batch_is_noticed_acknowledged_or_not(ledger):
    for half in (0, 2):
        whole = rows_of(ledger, *{0, 1, 2} - {half})
        [problem] = ledger.settle({"a": whole + rows_of(ledger, half)[:1]})
        assert f"half a batch, 1 rows: batch {half}" in problem


def test_a_doubled_row_is_noticed(ledger):
    [problem] = ledger.settle({"a": rows_of(ledger, 0, 1, 1)})
    assert "row 0 is doubled: batch 1" in problem


@pytest.mark.parametrize("column, value", [("text", "x"), ("check", 1), ("rows", 7), ("row", 2), ("life", 9)])
def test_a_changed_row_is_noticed(ledger, column, value):
    rows = rows_of(ledger, 0, 1)
    rows[0] = {**rows[0], column: value}
    assert "a row that is changed" in ledger.settle({"a": rows})[0]


def test_rows_that_nobody_sent_are_noticed(ledger):
    assert "nobody sent" in ledger.settle({"a": [*rows_of(ledger, 0, 1), {"batch": 77}]})[0]
    assert "nobody sent" in ledger.settle({"a": [*rows_of(ledger, 0, 1), {}]})[0]


def test_a_lost_source_is_noticed(ledger):
    assert ledger.settle({})[0] == "source a is lost"


def test_a_source_that_was_removed_must_not_come_back(ledger):
    ledger.life_of("a").state = LifeState.REMOVED
    assert ledger.settle({}) == []
    assert "should not be" in ledger.settle({"a": []})[0]


def test_rows_of_an_earlier_life_must_not_come_back(ledger):
    ledger.life_of("a").state = LifeState.REMOVED
    ledger.begin_life("a", LifeState.LIVING)
    assert "row 0 of batch 1" in ledger.settle({"a": rows_of(ledger, 1)})[0]


def test_a_removal_without_an_answer_settles_either_way(ledger):
    ledger.life_of("a").state = LifeState.REMOVING
    assert ledger.settle({"a": rows_of(ledger, 0, 1)}) == []
    assert ledger.life_of("a").state is LifeState.LIVING
    ledger.life_of("a").state = LifeState.REMOVING
    assert ledger.settle({}) == []
    assert ledger.life_of("a") is None


def test_a_view_shows_whole_batches_once_and_all_that_was_acknowledged(ledger):
    def problems(rows):
        return ledger.problems_of_view("a", rows, acknowledged_before=[0, 1])

    assert problems(rows_of(ledger, 0, 1)) == []
    assert problems(rows_of(ledger, 0, 1, 2)) == []
    assert "half a batch" in problems(rows_of(ledger, 0, 1, 2)[:-1])[0]
    assert "twice in one view" in problems(rows_of(ledger, 0, 1, 1))[0]
    assert "not seen: batch 0" in problems(rows_of(ledger, 1))[0]
