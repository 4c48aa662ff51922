"""What is known of kept drawings: folded from listings, questions and answers."""

from dataclasses import replace

from core.class_names import DIGITS
from core.data.drawn.store import KeptDrawing
from core.responses.predictions import ImagesPredicted
from tests.support.fakes import fake_digit
from tui.state.kept_drawings import (
    DrawingsListed,
    KeptDrawings,
    KeptDrawingsAsked,
    describe_answer,
    describe_kept,
    fold_kept,
)

DRAWINGS = tuple(
    KeptDrawing(f"{label}/{number:06}.png", label, number, bytes([number] * 784))
    for number, label in enumerate(["0", "1", "1", "boat"], 1)
)


def fold(*events, state=None):
    for event in events:
        state = fold_kept(state or KeptDrawings(), event)
    return state


def asked(*drawings, source="here", question=7):
    return KeptDrawingsAsked(question=question, drawings=drawings, source=source)


def predicted(*classes, question=7):
    digits = tuple(fake_digit(each, 5.0) for each in classes)
    return ImagesPredicted(digits=digits, step=1, question=question)


def test_score_counts_drawings_of_the_networks_classes():
    state = fold(DrawingsListed(drawings=DRAWINGS))
    assert describe_kept(state, DIGITS) == "your digits: 4 kept"
    state = fold(asked(*DRAWINGS[:2]), predicted(0, 2), state=state)
    assert describe_kept(state, DIGITS) == "your digits: 4 kept", "one has no answer yet"
    state = fold(asked(DRAWINGS[2]), predicted(1), state=state)
    assert (
        describe_kept(state, DIGITS)
        == "your digits: 2 of 3 predicted correctly, 1 of other classes"
    )
    assert (
        describe_kept(state, ("0", "cat"))
        == "your drawings: 1 of 1 predicted correctly, 3 of other classes"
    )
    assert describe_answer(DRAWINGS[0], state) == ("✓", "0 94%")
    assert describe_answer(DRAWINGS[1], state)[0] == "✗"
    assert describe_answer(DRAWINGS[3], state) == ("·", "")
    assert [each.number for each in state.newest_first] == [4, 3, 2, 1]


def test_answers_of_other_questions_and_networks_do_not_count():
    listed = fold(DrawingsListed(drawings=DRAWINGS), asked(DRAWINGS[0]))
    assert fold(predicted(0, question=6), state=listed) is listed
    answered = fold(predicted(0), state=listed)
    assert fold(asked(DRAWINGS[1]), state=answered).answers
    assert not fold(asked(DRAWINGS[1], source="there"), state=answered).answers
    assert not fold(DrawingsListed(drawings=DRAWINGS[1:]), state=answered).answers
    deleted = fold(DrawingsListed(drawings=DRAWINGS[1:]), predicted(0), state=listed)
    assert not deleted.answers, "it was deleted while it was asked about"
    again = DrawingsListed(drawings=DRAWINGS)
    assert fold(again, state=answered) is answered


def test_folder_that_cannot_be_read_is_the_line():
    state = fold(DrawingsListed(drawings=(), error="the drawings cannot be read"))
    assert describe_kept(state, DIGITS) == "✗ the drawings cannot be read"
    assert describe_kept(KeptDrawings(), DIGITS) == ""
    assert describe_kept(replace(state, error=""), DIGITS) == "your digits: none kept yet"
