"""The card of a quiz: its result in plain text, to be copied and shared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from core.class_names import name_of
from tui.analysis.quiz.networks import describe_network, describe_test_set
from tui.state.quiz import Quiz
from tui.text.digit_art import draw_digit
from tui.text.formats import (
    class_label,
    fit_cells,
    format_date,
    format_percent,
    printable,
    truncate,
)

WIDTH = 56  # columns of a card
ACROSS = 3  # images side by side
IMAGE = 14, 7  # columns and lines of one
CELL = WIDTH // ACROSS  # columns of an image with the space beside it


def describe_winner(quiz: Quiz) -> str:
    you, network = sum(quiz.rights), sum(quiz.network_rights)
    if you == network:
        return f"A draw, {you} to {network}."
    if you > network:
        return f"You win, {you} to {network}."
    return f"The network wins, {network} to {you}."


def make_card(quiz: Quiz, time: float) -> str:
    """Return the card of a quiz that is over, in lines of at most WIDTH columns.

    `time` is when it ended, in unix seconds.
    """
    return "\n".join(truncate(line, WIDTH).rstrip() for line in _lines(quiz, time)) + "\n"


def _lines(quiz: Quiz, time: float) -> Iterator[str]:
    network, count = quiz.network, len(quiz.digits)
    title, date = "You against the network", format_date(time)[:16]
    yield title + date.rjust(WIDTH - len(title))
    yield ""
    yield f"Network  {describe_network(network)}"
    seed = "" if network.seed is None else f"seed {network.seed}"
    yield f"         {', '.join(filter(None, (f'run {printable(network.run)}', seed)))}"
    yield f"         {format_percent(network.accuracy)} of {describe_test_set(network)}"
    which = "hard for the network" if quiz.kind == "hard" else "at random"
    yield f"Images   {count}, {which}, drawn with seed {quiz.seed}"
    yield ""
    yield describe_winner(quiz)
    yield ""
    yield _score("You", quiz.rights) + f"  median {quiz.median_seconds or 0:.2f} s"
    yield _score("Network", quiz.network_rights)
    yield ""
    places = quiz.both_wrong
    yield f"Both wrong: {len(places)}" if places else "No image that both got wrong"
    for start in range(0, len(places), ACROSS):
        row = places[start : start + ACROSS]
        yield ""
        for cells in zip_longest(*(_both_wrong(quiz, place) for place in row), fillvalue=""):
            yield "".join(fit_cells(cell, CELL) for cell in cells)


def _score(name: str, rights: tuple[bool, ...]) -> str:
    """Return how many answers were right, and which: + and - in the order of the questions."""
    signs = "".join("+" if right else "-" for right in rights)
    return f"{name:8} {sum(rights):2} of {len(rights)}  {signs}"


def _both_wrong(quiz: Quiz, place: int) -> Iterator[str]:
    digit, names = quiz.digits[place], quiz.network.class_names
    assert digit.label is not None
    answered = quiz.answers[place].number
    yield from draw_digit(digit.pixels, *IMAGE)
    for before, number in (
        (f"#{digit.index} is", digit.label),
        ("you", answered),
        ("network", digit.predicted),
    ):
        yield f"{before} {class_label(name_of(names, number), CELL - len(before) - 2)}"
