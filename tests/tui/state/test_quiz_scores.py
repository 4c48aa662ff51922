"""The scores of quizzes: kept by several programs at once, damaged files, folders without space."""

import json
from dataclasses import replace
from threading import Thread

import pytest

from tui.state.quiz_scores import (
    QuizScore,
    best_of,
    keep_card,
    keep_score,
    read_scores,
    scores_file,
)

SCORE = QuizScore(
    time=1e9,
    images=20,
    right=18,
    network_right=10,
    median_seconds=1.2,
    kind="hard",
    seed=5,
    arch="cnn",
    run="cnn-1",
    dataset="mnist",
    epoch=3,
    step=5625,
    test_accuracy=0.99,
    network_seed=0,
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_scores_are_read_as_they_were_kept():
    assert read_scores() == ((), None)
    unknown = replace(SCORE, epoch=None, step=None, test_accuracy=None, network_seed=None)
    assert keep_score(SCORE) is None
    assert keep_score(unknown) is None
    assert read_scores() == ((SCORE, unknown), None)


def test_programs_that_keep_scores_at_once_lose_none():
    def play(program: int) -> None:
        for quiz in range(50):
            assert keep_score(replace(SCORE, seed=100 * program + quiz)) is None

    programs = [Thread(target=play, args=(number,)) for number in range(4)]
    for each in programs:
        each.start()
    for each in programs:
        each.join()
    scores, problem = read_scores()
    assert problem is None
    assert sorted(score.seed for score in scores) == [
        100 * p + q for p in range(4) for q in range(50)
    ]


DAMAGED = [
    *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"1", b"[" * 2000, b"{}", b'"x"'),
    *(
        json.dumps(vars(SCORE) | change).encode()
        for change in (
            {"right": 21},
            {"right": True},
            {"images": 0},
            {"arch": 3},
            {"time": float("nan")},
            {"epoch": "x"},
            {"median_seconds": None},
        )
    ),
]


def test_damaged_lines_are_skipped_and_a_torn_one_ends():
    keep_score(SCORE)
    with scores_file().open("ab") as file:
        file.write(b"\n".join(DAMAGED) + b'\n{"time": 1')
    later = replace(SCORE, seed=6)
    keep_score(later)
    assert read_scores() == ((SCORE, later), None)


def test_what_cannot_be_written_is_one_clear_line():
    scores_file().mkdir(parents=True)
    problem = keep_score(SCORE)
    folder = scores_file().parent
    assert problem == f"The score is not kept in {folder}: quiz-scores.jsonl is a folder."
    scores, why = read_scores()
    assert scores == ()
    assert why.startswith(f"The scores in {folder} cannot be read: ")
    assert "\n" not in problem + why


def test_card_is_saved_as_text_or_says_why(tmp_path):
    path, problem = keep_card("a card\n", "quiz-1")
    assert problem is None
    assert path.read_text() == "a card\n"
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("in the way")
    assert keep_card("a card\n", "quiz-1")[1]


def test_best_score_is_the_most_right_and_then_the_fastest():
    slower, fewer = replace(SCORE, median_seconds=2.0), replace(SCORE, right=17, median_seconds=0.3)
    other = replace(SCORE, right=20, kind="random")
    assert best_of((slower, SCORE, fewer, other), "hard") == SCORE
    assert best_of((slower, SCORE, fewer, other), "random") == other
    assert best_of((other,), "hard") is None
