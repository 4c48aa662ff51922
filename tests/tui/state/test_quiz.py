"""A quiz: its answers, its clock, and the keys that answer."""

from string import ascii_uppercase, digits

from hypothesis import given
from hypothesis import strategies as st

from core.class_names import DIGITS
from tests.support.fakes import ODD_NAMES, fake_digit
from tui.state.quiz import (
    LEAST_SECONDS,
    LONGEST_GAP,
    Quiz,
    QuizNetwork,
    Stopwatch,
    answer,
    find_keys,
    find_names,
    proceed,
)

IMAGES = tuple(fake_digit(index, 2.0) for index in range(20))
QUIZ = Quiz(QuizNetwork("mlp"), "hard", 7, IMAGES)
MOVES = st.lists(
    st.one_of(
        st.none(),  # shows the next question
        st.tuples(st.integers(-2, 12), st.floats(-1, 100)),
    ),
    max_size=60,
)


@given(MOVES)
def test_any_moves_keep_the_quiz_consistent(moves):
    quiz = QUIZ
    for move in moves:
        before = quiz
        quiz = proceed(quiz) if move is None else answer(quiz, *move)
        assert len(quiz.answers) - len(before.answers) in (0, 1)
        if move is not None and quiz is not before:
            number, seconds = move
            assert number in range(10)
            assert seconds >= LEAST_SECONDS
            assert not before.is_shown
            assert quiz.rights[-1] == (IMAGES[before.place].label == number)
            assert quiz.digit is before.digit, "the image stays while its answer is shown"
        assert quiz.is_over == (len(quiz.answers) == 20 and not quiz.is_shown)
        assert len(quiz.rights) == len(quiz.network_rights) == len(quiz.answers)
        assert 0 <= quiz.place <= 20


def test_result_counts_both():
    """The fake network is wrong on each fifth image; the person on the last two, and one in a
    fifth."""
    quiz = QUIZ
    for place, digit in enumerate(IMAGES):
        wrong = place >= 18 or place == 3
        quiz = proceed(answer(quiz, (digit.label + wrong) % 10, 1.0 + place))
    assert quiz.is_over
    assert quiz.digit is None
    assert sum(quiz.rights) == 17
    assert sum(quiz.network_rights) == 16
    assert quiz.both_wrong == (3, 18)
    assert quiz.median_seconds == 10.5


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_clock_adds_up_short_gaps_and_cuts_long_ones(gaps):
    watch, now = Stopwatch(0.0, 0.0), 0.0
    for gap in gaps:
        now += gap
        watch = watch.read(now)
    assert abs(watch.seconds - sum(min(gap, LONGEST_GAP) for gap in gaps)) < 1e-6


def test_skipped_time_does_not_count():
    watch = Stopwatch(0.0, 10.0).read(10.5).skip().read(10.9)
    assert watch.seconds == 0.5
    assert watch.read(11.0).seconds > 0.5


def test_keys_are_the_names_of_one_character():
    assert find_keys(DIGITS) == {name: number for number, name in enumerate(DIGITS)}
    letters = find_keys(tuple(ascii_uppercase))
    assert letters["q"] == letters["Q"] == 16
    both = find_keys(tuple(digits + ascii_uppercase + "ab"))
    assert (both["a"], both["A"], both["c"]) == (36, 10, 12)
    assert find_keys(("お", "き"))["き"] == 1
    assert find_keys(("ab", "c")) is None
    assert find_keys(("a", "\n")) is None
    assert find_keys(("a", " ")) is None


@given(st.text("aAtTはx0-/ [", max_size=3))
def test_typed_text_finds_names_that_have_it(typed):
    found = find_names(ODD_NAMES, typed)
    assert len(found) == len({*found})
    assert all(typed.casefold() in ODD_NAMES[number].casefold() for number in found)
    starts = [ODD_NAMES[number].casefold().startswith(typed.casefold()) for number in found]
    assert starts == sorted(starts, reverse=True)
