"""A quiz, a person against a network: a frozen Quiz, and what answers make of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import median
from typing import Literal

from core.class_names import DIGITS
from core.digit import Digit

QUESTIONS = 20
# Nobody recognises a digit in less: such a key was meant for the question before.
LEAST_SECONDS = 0.2
# Longer gaps between two readings of the clock count as this: the program was suspended.
LONGEST_GAP = 1.0

QuizKind = Literal["hard", "random"]
# Which test images a quiz has, with the explanations.
QUIZ_KINDS: dict[QuizKind, str] = {
    "hard": "half are mistakes of the network, half are those it is least sure of",
    "random": "any test images",
}


@dataclass(frozen=True)
class QuizNetwork:
    """The snapshot of a network that plays. What is not known of it is None or empty."""

    arch: str
    run: str = ""
    dataset: str = ""
    epoch: int | None = None
    step: int | None = None
    accuracy: float | None = None  # on the test set, 0 to 1
    samples: int = 0  # in the test set
    seed: int | None = None  # that it was trained with
    class_names: tuple[str, ...] = field(default=DIGITS, repr=False)


@dataclass(frozen=True)
class Answer:
    number: int  # of the class
    seconds: float


@dataclass(frozen=True)
class Quiz:
    """`digits` have the snapshot's predictions, and each of them has a label. `seed` is the one
    that they were drawn with; `is_shown`: whether the answer to the newest question is shown."""

    network: QuizNetwork
    kind: QuizKind
    seed: int
    digits: tuple[Digit, ...] = field(repr=False)
    answers: tuple[Answer, ...] = ()
    is_shown: bool = False

    @property
    def place(self) -> int:
        """The position of the question that is shown, from 0; past the last when all is over."""
        return len(self.answers) - self.is_shown

    @property
    def is_over(self) -> bool:
        return self.place >= len(self.digits)

    @property
    def digit(self) -> Digit | None:
        """The image that is shown."""
        return None if self.is_over else self.digits[self.place]

    @property
    def rights(self) -> tuple[bool, ...]:
        """Whether each answer was right."""
        pairs = zip(self.answers, self.digits, strict=False)
        return tuple(answer.number == digit.label for answer, digit in pairs)

    @property
    def network_rights(self) -> tuple[bool, ...]:
        """The same of the network, for the questions that the person has answered."""
        return tuple(digit.right for digit in self.digits[: len(self.answers)])

    @property
    def median_seconds(self) -> float | None:
        return median(each.seconds for each in self.answers) if self.answers else None

    @property
    def both_wrong(self) -> tuple[int, ...]:
        """The positions of the questions that neither answered correctly."""
        pairs = zip(self.rights, self.network_rights, strict=True)
        return tuple(place for place, pair in enumerate(pairs) if not any(pair))


def answer(quiz: Quiz, number: int, seconds: float) -> Quiz:
    """Return the quiz after an answer, the number of a class; the same quiz where there is none to
    give: it is over, an answer is being shown, or no time has passed."""
    if quiz.is_over or quiz.is_shown or not 0 <= number < len(quiz.network.class_names):
        return quiz
    if not isfinite(seconds) or seconds < LEAST_SECONDS:
        return quiz
    return replace(quiz, answers=(*quiz.answers, Answer(number, seconds)), is_shown=True)


def proceed(quiz: Quiz) -> Quiz:
    """Return the quiz at its next question, or over, once an answer is shown."""
    return replace(quiz, is_shown=False)


@dataclass(frozen=True)
class Stopwatch:
    """Measures how long a person takes, without the time in which the program was suspended."""

    seconds: float = 0.0
    read_at: float | None = None  # by the clock `monotonic`

    def read(self, now: float) -> Stopwatch:
        """Return the stopwatch with the time since the last reading."""
        gap = 0.0 if self.read_at is None else min(max(0.0, now - self.read_at), LONGEST_GAP)
        return Stopwatch(self.seconds + gap, now)

    def skip(self) -> Stopwatch:
        """Return the stopwatch so that the time until the next reading does not count."""
        return replace(self, read_at=None)


def find_keys(names: Sequence[str]) -> dict[str, int] | None:
    """Return the class of each key that answers, where the names of all classes are one character;
    else None. Where only one case of a letter is a name, the other one answers too."""
    if any(len(name) != 1 or not name.isprintable() or name == " " for name in names):
        return None
    keys = {name: number for number, name in enumerate(names)}
    for name, number in list(keys.items()):
        for other in (name.upper(), name.lower()):
            keys.setdefault(other, number)
    return {key: number for key, number in keys.items() if len(key) == 1}


def find_names(names: Sequence[str], typed: str) -> tuple[int, ...]:
    """Return the classes whose names have a typed text, first those that begin with it."""
    folded, text = [name.casefold() for name in names], typed.casefold()
    first = [number for number, name in enumerate(folded) if name.startswith(text)]
    inside = [n for n, name in enumerate(folded) if text in name and not name.startswith(text)]
    return (*first, *inside)
