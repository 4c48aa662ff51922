"""The texts of the quiz: its start, its questions and its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content

from core.class_names import DIGITS, name_of
from tui.actions import VIEWS
from tui.analysis.quiz.networks import QuizSource, describe_network
from tui.screens.captions import choices, key, line
from tui.state.quiz import QUESTIONS, QUIZ_KINDS, Quiz, QuizKind
from tui.state.quiz_scores import QuizScore, best_of
from tui.state.run_state import RunState
from tui.text.formats import class_label, fit_cells, format_date, printable, truncate

LAST = 5  # scores that are shown
TITLES: dict[QuizKind, str] = {"hard": "hard for the network", "random": "at random"}

QUIZ_HELP = {
    "quiz": f"{QUESTIONS} test images, the same for you and for the network, which has never been "
    "trained on them. Press the digit that you see, or click it; of other classes, press or type "
    "the name. While a quiz runs, digit and letter keys answer it and do nothing else, until "
    "esc pauses it.",
    "network": "the one in training as of its newest evaluation, which does not change during the "
    "quiz; or a checkpoint. ← and → choose another one.",
    "hard": "one half are mistakes of the network, the other half are the images where its two "
    "highest outputs are closest. So the network gets about half of them wrong: that says nothing "
    "about its accuracy. f chooses images at random, where it is a fair match.",
    "seed": "the same network, kind of images and seed give the same quiz; f5 draws another seed.",
    "clock": "it runs while the image is shown, and stops while you look at the answer, in other "
    "views and while the program is suspended.",
    "Y": "copies the result at the end, if the terminal allows it, and saves it as a text file.",
}


def _missing_text(state: RunState) -> Content:
    """Return what to do where there is no network to play against."""
    if state.is_active:
        return Content("The quiz can begin after the first evaluation, at the end of epoch 1.")
    view = list(VIEWS).index("checkpoints") + 1
    opening = key(str(view), "open a checkpoint", "app.view('checkpoints')")
    training = key("space", "train a network", "app.run('start')")
    return Content("There is no network to play against yet: ") + training + ", or " + opening + "."


def heading(name: str, text: Content) -> Content:
    return Content.styled(fit_cells(name, 9), "$quiet") + text


def start_lines(
    sources: Sequence[QuizSource], place: int, kind: QuizKind, seed: int, run: RunState
) -> Iterator[Content]:
    """Yield what a quiz will be, or what to do where there are no `sources`."""
    yield Content.styled("You against the network", "bold")
    yield Content(f"Say what you see on {QUESTIONS} test images, with the clock running.")
    yield Content("")
    if not sources:
        yield _missing_text(run)
        return
    source, others = sources[place], len(sources) > 1
    more = Content(f"  {place + 1} of {len(sources)} ") if others else Content("")
    arrows = key("→", "", "move(0, 1)") if others else Content("")
    yield heading("Network", Content(source.title) + more + arrows)
    here = list(QUIZ_KINDS).index(kind)
    kinds = [(TITLES[k], f"step('kind', {at - here})") for at, k in enumerate(QUIZ_KINDS)]
    yield heading("Images", choices(kinds, here) + key(" f", "", "step('kind', 1)"))
    yield heading("", Content(QUIZ_KINDS[kind]))
    yield heading("Seed", Content(f"{seed} ") + key("f5", "another", "step('seed', 1)"))
    yield Content("")
    what = "start" if source.evaluation else "evaluate the checkpoint, and start"
    yield line(key("enter", what, "open"))


def paused_lines(quiz: Quiz) -> Iterator[Content]:
    yield Content.styled("You against the network", "bold")
    yield Content(f"Paused at question {quiz.place + 1} of {len(quiz.digits)}.")
    yield Content("")
    yield heading("Network", Content(describe_network(quiz.network)))
    yield heading("Images", Content(f"{TITLES[quiz.kind]}, seed {quiz.seed}"))
    yield Content("")
    yield line(key("enter", "continue", "open"), key("esc", "end this quiz", "back"))


def loading_lines(source: QuizSource) -> Iterator[Content]:
    yield Content.styled("You against the network", "bold")
    yield Content("")
    yield Content("Reading the images…" if source.evaluation else "Evaluating the checkpoint…")
    yield Content("")
    yield line(key("esc", "cancel", "back"))


def score_lines(scores: tuple[QuizScore, ...], kind: QuizKind, width: int) -> Iterator[Content]:
    """Yield the best score of a kind of images, and the last few of both, the newest first, in
    `width` columns."""
    if not scores:
        return
    yield Content("")
    yield Content.styled("          you       network      median   against", "$quiet")
    if best := best_of(scores, kind):
        yield Content.styled(_score("Best", best, width), "bold")
    for place, score in enumerate(scores[: -LAST - 1 : -1]):
        yield Content(_score("" if place else "Last", score, width))


def _score(name: str, score: QuizScore, width: int) -> str:
    you, network = (f"{n} of {score.images}" for n in (score.right, score.network_right))
    epoch = "" if score.epoch is None else f" epoch {score.epoch}"
    against = f"{truncate(printable(score.arch), 20)}{epoch}, {score.kind}"
    numbers = f"{name:9} {you:9} {network:9} {score.median_seconds:7.2f} s"
    return truncate(f"{numbers}   {against}, {format_date(score.time)[:10]}", width)


def question_text(names: tuple[str, ...], typed: str | None) -> Content:
    """Return the question; `typed` is what was typed of a name, None where keys answer."""
    what = "Which digit is it?" if names == DIGITS else "Which class is it?"
    if typed is None:
        return Content(f"{what} Press its key.")
    return Content(f"{what} Type its name: ") + Content.styled(f"{printable(typed)}▏", "bold")


def verdict_lines(quiz: Quiz, width: int) -> Iterator[Content]:
    """Yield the answers of both to the newest question, and the true class."""
    digit, names = quiz.digits[quiz.place], quiz.network.class_names
    shares, label = digit.probabilities(), digit.label
    assert label is not None
    given, predicted = quiz.answers[-1].number, digit.predicted
    sure = f", {shares[predicted]:.0%} sure"
    room = max(4, width - 11 - len(sure))
    yield _marked("You", class_label(name_of(names, given), room), right=given == label)
    answered = class_label(name_of(names, predicted), room) + sure
    yield _marked("Network", answered, right=digit.right)
    truth = class_label(name_of(names, label), width - 11)
    other = "" if digit.right else f" (the network: {shares[label]:.0%})"
    yield heading("It is", Content(f"  {truth}" + (other if len(truth) < width - 33 else "")))
    yield line(key("enter", "next", "open"))


def _marked(name: str, text: str, *, right: bool) -> Content:
    sign, colour = ("✓", "$right") if right else ("✗", "$wrong")
    return heading(name, Content.styled(f"{sign} {text}", colour))


def tally_lines(quiz: Quiz) -> Iterator[Content]:
    """Yield the right and wrong answers so far."""
    for name, rights in (("You", quiz.rights), ("Network", quiz.network_rights)):
        signs = [
            Content.styled("✓", "$right") if r else Content.styled("✗", "$wrong") for r in rights
        ]
        yield heading(name, Content(f"{sum(rights):2}  ") + Content("").join(signs))
