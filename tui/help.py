"""All that is explained: in the app on ?, and by --help. It is put together from where each thing
is: the keys from the actions, the settings from the config, the sentences from their rules.
"""

from collections.abc import Iterable, Mapping
from textwrap import fill

from core.config import FIELDS, describe_allowed, flag
from tui.actions import ACTIONS, VIEWS

# What is explained, and the words for it.
Section = Mapping[str, str]

# Not every terminal that asks for --help has arrows to show.
IN_WORDS = str.maketrans({"↑": "up", "↓": "down", "←": "left", "→": "right"})

# Keys that are no action of the app's own.
OTHER_KEYS = {
    "tab": "the next view; in the form, the next field (shift+tab: the one before)",
    "↑ ↓": "into the form and between its fields; between rows",
    "← →": "other digits",
    "enter": "choose; look inside a checkpoint",
    "/": "filter the checkpoints",
    "esc": "back",
    "ctrl+p": "all commands, by name",
}

SEEING = {
    "✓ ✗": "the network's guess is right, or wrong and what the digit is",
    "bars": "the network's probabilities, one a class. Their softmax temperature is raised so that "
    "more than the first guess shows; at 1 they are what the network really says",
    "last": "the checkpoint that is saved after each epoch, on a pause and on a stop",
    "best": "the checkpoint with the highest test accuracy of its run",
}

CHARTS = {
    "loss": "How wrong the network is, and how sure of it; 0 is perfect, 2.3 is guessing. The "
    "training loss (the line) is of digits that it learns from, the test loss (●, once an epoch) "
    "of digits that it never learns from. Good: both fall steeply at first, then ever more slowly, "
    "and stay close. When the test loss turns up while the line still falls, it learns by heart. "
    "On a log scale small losses can be told apart",
    "accuracy": "The share of test digits that the network gets right; guessing gets 10%. Good: it "
    "rises fast and then levels off, at about 92% for the linear network and 97 to 99% for the "
    "others. It moves in small jumps, as each digit counts as right or wrong",
    "learning rate": "How far each step moves the weights. Constant unless a schedule or you "
    "change it; many runs end better when it goes down towards the end",
    "gradient norm": "How strongly the loss asks the weights to change, as one number. Good: it "
    "settles after the first steps and stays between about 0.1 and 10. When it grows without end "
    "the run is about to diverge; near 0 there is nothing left to learn, or nothing gets through",
    "samples per second": "How many digits are learned from in a second. Good: it is level. It "
    "drops where something else wants the processor; larger batches raise it",
}

# What comes between the app and a person.
LINES = {
    "slow link": "For a line to the terminal that brings little: at most 1 KB a second is written, "
    "first what your key has changed, then figures, then charts, and nothing moves. What the line "
    "is too slow for is left out, never queued, so keys are answered at once; the heading says how "
    "many bytes a second are written. It switches itself on when what is written comes late. By "
    "hand: ctrl+p, Slow link, which is remembered; on the command line: --slow-link",
}

# What is explained first where a view does not say so itself.
VIEW_SECTIONS: dict[str, Section] = {
    "train": {**CHARTS, **{name: SEEING[name] for name in ("✓ ✗", "bars")}},
    "checkpoints": {name: SEEING[name] for name in ("last", "best")},
}


def keys() -> dict[str, str]:
    """Each key and what it does; what one key does at different times is told together."""
    told: dict[str, list[str]] = {}
    for each in ACTIONS:
        # An action may be told of beside its opposite: "t T".
        spoken_for = any(each.shown in shown.split() for shown in told if shown != each.shown)
        if each.shown and not spoken_for:
            told.setdefault(each.shown, []).append(each.help)
    views = f"the views: {', '.join(VIEWS.values())}"
    return {
        **{key: "; ".join(said) for key, said in told.items()},
        " ".join(map(str, range(1, len(VIEWS) + 1))): views,
        **OTHER_KEYS,
    }


def setting(name: str) -> str:
    """What a field of the config is, why one would change it, and what it may be."""
    field = FIELDS[name]
    first = field.metadata["help"]
    said = [
        f"{first[0].upper()}{first[1:]}.",
        field.metadata["why"],
        f"Allowed: {describe_allowed(name)}.",
    ]
    if field.default is not None:
        said.append(f"At first: {field.default}.")
    return " ".join([*filter(None, said), f"On the command line: {flag(name)}."])


def settings(names: Iterable[str] = FIELDS) -> dict[str, str]:
    return {name.replace("_", " "): setting(name) for name in names}


def sentences() -> dict[str, str]:
    from tui.analysis.commentary import RULES

    return {rule.name: rule.condition for rule in RULES}


def help_sections(
    mode: str, field: str | None = None, own: Section | None = None
) -> dict[str, Section]:
    """Titles, and under each what it explains, that first which belongs to where one is: the field
    in focus, then the view of that mode. `own` is what the view says of itself.
    """
    sections: dict[str, Section] = {}
    if field in FIELDS:
        sections["This setting"] = settings([field])
    if first := own or VIEW_SECTIONS.get(mode):
        sections[f"In this view: {VIEWS.get(mode, mode)}"] = first
    sections |= {
        "Keys": keys(),
        "Charts": CHARTS,
        "What you see": SEEING,
        "A slow line": LINES,
        "Settings of a run": settings(),
        "What the sentences say, and when": sentences(),
    }
    if first == VIEW_SECTIONS["train"]:
        del sections["Charts"]
    return sections


def epilogue(width: int = 78) -> str:
    """The keys, for the end of --help. The mark tells click to leave the lines as they are."""
    rows = {name.translate(IN_WORDS): said for name, said in keys().items()}
    column = max(map(len, rows))
    lines = [
        fill(said, width, initial_indent=f"{name:{column}}  ", subsequent_indent=" " * (column + 2))
        for name, said in rows.items()
    ]
    return "\n".join(["\b", "Keys in the app:", *lines])
