"""The help texts: in the app with ?, and the keys in `--help`.

Texts are collected from where each thing is defined: keys from the actions, settings from the
config, the rules of the commentary from their list.
"""

from collections.abc import Mapping
from textwrap import fill

from core.config import FIELDS, WHY, describe_allowed, flag
from tui.actions import ACTIONS, VIEW_KEYS, VIEWS
from tui.text.network_help import explain_layers

# Terms and their explanations.
Section = Mapping[str, str]

# `--help` is plain ASCII: not every terminal can show arrows.
ASCII_ARROWS = str.maketrans({"↑": "up", "↓": "down", "←": "left", "→": "right"})

DISPLAY = {
    "✓ ✗": "whether the prediction is correct. “✗ 2, is 4”: predicted as 2, but labelled 4.",
    "! unlike a digit": "the image is unlike the training images, so its probabilities mean "
    "little. A classifier of its own decides that, once the training images are on this machine; "
    "1 of 100 test digits gets the sign too.",
    "bars": "the probabilities of the three most likely classes; a shows all. The softmax "
    "temperature is above 1, so that more than one bar is visible: at 1 (T lowers it) the bars are "
    "the network's own probabilities.",
    "last": "the checkpoint that is saved after each epoch, on a pause and on a stop.",
    "best": "the checkpoint with the highest test accuracy of its run.",
}

CHARTS = {
    "loss": "How far the predictions are from the labels (the cross-entropy); 0 is perfect. "
    "Guessing among n classes has a loss of ln n, for ten ln 10 = 2.3: the faint line, shown until "
    "the loss is below half of it.",
    "training, test": "The line that ends in ● is the loss of the images that the network learns "
    "from, smoothed (m); faint dots are not. The line that ends in ◆ is that of test images, which "
    "it never learns from, after each epoch. ↑ is where a line begins above the chart. Good: both "
    "fall, fast at first and then slowly, and stay close. Overfitting: the test loss rises while "
    "the training loss falls: the network then fits its training images, and not new ones.",
    "accuracy": "The share of test images that are predicted correctly. Guessing among n classes "
    "gets 1/n, for ten 10%. Good: it rises fast and then levels off. With l, the chart shows the "
    "test error, the share that is wrong, on a logarithmic scale: 1% and 2% differ as much as 10% "
    "and 20%.",
    "learning rate": "The step size of the optimizer. Constant unless r changes it, or a schedule "
    "does, and then it has a chart of its own. Lowered towards the end, it often gives a better "
    "accuracy.",
    "gradient norm": "The size of the gradient of the loss, over all weights. Good: between about "
    "0.1 and 10. If it keeps growing, training is about to diverge; near 0 nothing is left to "
    "learn, or the gradients vanish.",
    "samples per second": "Training images per second. It drops if other programs use the CPU; a "
    "larger batch raises it.",
}

OUTCOMES = {
    "diverged": "A run has diverged when a loss is NaN or infinite, or when the mean training loss "
    "of 50 steps or the test loss is over 1,000 times that of guessing: the learning rate was far "
    "too high. The run ends, and what was saved before is kept.",
    "dead network": "All units of a ReLU layer output 0 for every image. Their gradient is 0 too, "
    "so they never recover: the loss stays at that of guessing. A high learning rate does that. "
    "Start again with a lower one, or with another seed.",
}

SLOW_LINK = {
    "slow link": "For a slow connection: output is limited to 1 KB a second. What your key changed "
    "is sent first, then numbers, then charts; digits are ASCII. Outdated output is dropped, so "
    "keys are answered at once. It switches itself on when output is delayed; to switch it: "
    "ctrl+p, Slow link, or --slow-link on the command line.",
}

# The first sections of the help in the views.

TRAIN_HELP = {
    "Test accuracy": "the share of test images that are predicted correctly, after the last epoch. "
    "“1 in 31 wrong” is the same number. The change is that since the epoch before.",
    "What is happening": "how far training is, and what the curves mean now. When each sentence "
    "appears is at the end of this help.",
    "find a rate": "ctrl+f trains a fresh network for 200 steps while the learning rate grows. It "
    "suggests the rate at which the loss falls fastest; ← → select another. No run is created.",
    **{name: CHARTS[name] for name in ("loss", "training, test", "accuracy")},
    **{name: DISPLAY[name] for name in ("✓ ✗", "bars")},
}

DIGITS_HELP = {
    "✓ ✗": DISPLAY["✓ ✗"],
    "! unlike a digit": DISPLAY["! unlike a digit"],
    "bars": "the predicted probabilities, the three largest or with a those of all classes. The "
    "longest bar is the prediction; the bar of the true class has a colour of its own.",
    "temperature": "the network's outputs are divided by it before the softmax. At 1, the bars are "
    "the network's probabilities. Above 1 they are more alike, so that less likely classes are "
    "visible too. The prediction does not change.",
    "selecting": "f and F change the kind of selection, # goes to the image with an index. "
    "The selected images stay the same while the network learns.",
    "in order": "the test images as they are in the test set. The network is never trained on "
    "them.",
    "one class": "the images of one class. ↑ and ↓ change the class.",
    "random": "a random sample of the test images. f5 draws another sample.",
    "unsure": "the images whose two highest outputs are closest: the predictions most likely to "
    "change.",
    "mistakes": "the images that are predicted wrongly, the most confident predictions first.",
    "earlier epochs": "[ shows the predictions for the same images after an earlier epoch, ] after "
    "a later one, up to now. “was 4” is the prediction one epoch before. A new selection "
    "uses the epoch that is shown.",
    "styles": "y changes how images are drawn: in greys, ASCII characters from light to dark, half "
    "blocks, which are crisp, or braille dots, which are the finest. Where greys cannot be shown "
    "(fewer than 256 colours, a slow link), ASCII characters are.",
}

IMAGES_HELP = {
    "original": "on the left, the image as it is in the file; its brightness is stretched, so that "
    "strokes stand out. The frame is around the part that the network receives.",
    "network input": "beside it, as the network receives it: cropped to the strokes, its longer "
    "side scaled to 20 pixels, and centered by its center of mass in 28×28, as MNIST was made.",
    "bars": "the three largest probabilities, with a those of all classes, at the softmax "
    "temperature in the heading; t and T change it. mnist-tui predict uses 1 unless --temperature "
    "is given.",
    "! warnings": "reasons to doubt that the right part was taken, or all of it: the digit touches "
    "the edge of the image or of a frame, other marks are as large, almost no ink stands out, "
    "several digits may touch. Compare the frame with the digit; a new photo of the digit alone, "
    "on plain paper, with some paper around it, usually helps.",
    "! unlike any digit": DISPLAY["! unlike a digit"],
    "(+1)": "one more warning that has no room: enter, or a click, shows the image alone with all.",
    "!": "shows all messages, where files could not be read and not all of that fits.",
    "✓ ✗": "shown for images of one digit in a folder named 0 to 9, which is taken as their label.",
}

MISTAKES_HELP = {
    "confusion matrix": "how many test images of each class (rows) are predicted as each class "
    "(columns). The diagonal counts correct predictions, all other cells count errors. The "
    "brighter a cell, the more errors are in it; the lower border shows how many each colour "
    "stands for.",
    "selecting": "the arrow keys move in the list that is in focus, and past its edge to the next "
    "one: a cell, a class, or a pair that is confused often. Its images are shown beside it, or "
    "below. Press enter, or click a second time, to open them.",
    "f": "shows all mistakes instead of the images of the selection, and back.",
    "earlier evaluations": "[ and ] step to the previous and to the next evaluation. At the last "
    "one, the view follows new evaluations.",
    "precision": "of the images predicted as a class, the share that belong to it. It is low if "
    "the network predicts this class too often.",
    "recall": "of the images of a class, the share that are predicted correctly. It is low if the "
    "network often misses this class.",
    "C": "shows how the accuracy falls on corrupted images, of the evaluation's checkpoint, else "
    "of the newest.",
    "most confident mistakes": "the wrong predictions with the highest probabilities. Often these "
    "are images that people misread too, or that have a wrong label.",
}

CORRUPTIONS_HELP = {
    "corruption": "the test images are made worse, in memory: noise, blur, a shift, a rotation, a "
    "smaller scale, a mix with the negative, or a grey square that hides a part. The network was "
    "not trained on such images, unless with shifts at random.",
    "level": "five strengths of each kind, chosen so that level 1 hardly hurts a network like mlp "
    "and level 5 breaks it. The line below the table names the strength with its unit.",
    "columns": "as high as the accuracy: the earlier they fall, the faster the network breaks. "
    "Below half of the accuracy without corruption they have the colour of what is wrong.",
    "loses most": "the class whose accuracy falls furthest, in percentage points.",
    "selecting": "the arrow keys select a kind and a strength; its most confident mistakes are "
    "drawn below, as the network receives them. enter opens the confusion matrix and all mistakes.",
    "during training": "the numbers come slowly, since they take 2% of the time. A pause (space) "
    "makes it fast; esc ends it. f5 starts again with the checkpoint as it is now.",
}

NETWORK_HELP = {
    "drawing": "the network from its input, in which a test image stands, to its outputs with "
    "their probabilities. Dots are units and lines are weights between them; sheets are the "
    "channels of a convolution. In a small window v shows it.",
    "layer": "↑ and ↓ or a click select a layer. Its name is the one in the state dict: stack.4 "
    "has the tensors stack.4.weight and stack.4.bias.",
    "weights": "one picture for each unit, or channel of a convolution: blue is negative, yellow "
    "is positive. Those of the first layer show the pattern that a unit responds to: ink on a "
    "positive weight increases its output, ink on a negative weight decreases it. ← and → select a "
    "unit.",
    "output": "what the layer computes for the test image: a picture for each channel, a pixel or "
    "a bar for each unit. # chooses the image by its index.",
    "gradient": "the norm of the gradient of a layer's weights. Near 0 the layer does not learn; "
    "if it keeps growing, training is about to diverge. After training, that of the last step.",
    "update": "the size of one step's change of a layer's weights, relative to the weights. About "
    "0.001 is healthy; much more makes training unstable, much less makes it slow.",
    "dead ReLU": "a unit whose output is 0 for every image. Its gradient is 0 too, so it no longer "
    "learns. A learning rate that is too high causes many of them.",
    "multiply-adds": "the multiplications and additions for one image: the work of a layer. A "
    "convolution uses each of its weights many times.",
}

DRAW_HELP = {
    "drawing": "28×28 pixels, as large as the images that the network learns from. Drag with the "
    "mouse to draw, with the right button to erase; or move the pen with the arrow keys, and put "
    "it down and lift it with enter. u takes the last stroke back, U draws it again, and backspace "
    "clears the drawing.",
    "pen": "as wide and as soft as the strokes of MNIST: B changes its width: medium as in "
    "most of MNIST's images, thin and thick as in a tenth each. X changes it to an eraser and "
    "back.",
    "answer": "what the network in training predicts for the drawing, again and again as you draw: "
    "in words with the probability, and as bars for all classes. The bars are at the temperature "
    "(t T): above 1 they are softer, so their numbers differ from the one in words. Before "
    "training it is the network of the checkpoint that you opened, of the last run, or of the "
    "newest checkpoint; where there is none, Q trains a small network for two seconds. [ and ] "
    "show what the network of an earlier epoch predicts. E shows why.",
    "scaled and centred": "the network gets the drawing as it got its training images: its ink "
    "scaled to 20 pixels and its centre of mass in the middle. I shows the drawing to it as it is.",
    "answers while drawing": "the probabilities of the leading classes, from the first stroke at "
    "the left until now.",
    "your digits": "the drawings that K has kept, and how many of them the network predicts "
    "correctly, updated after each epoch. They are files in your data folder, and the dataset "
    "drawn: from ten drawings on, --dataset drawn trains on them.",
    "() []": "where the pen is, in a small window ○ and □: round is the pen, square the eraser, "
    "filled means that it is down. There a cell shows two pixels, and an underlined pen is on the "
    "lower one.",
}


def keys() -> dict[str, str]:
    """Return what each key does. Actions that share a key are joined."""
    texts: dict[str, list[str]] = {}
    for each in ACTIONS:
        # The entry "t T" covers T too.
        is_covered = any(each.shown in shown.split() for shown in texts if shown != each.shown)
        if each.shown and not is_covered:
            texts.setdefault(each.shown, []).append(each.help)
    views = f"the views: {', '.join(each.title for each in VIEWS.values())}"
    return {
        **{key: "; ".join(each) for key, each in texts.items()},
        " ".join(map(str, range(1, len(VIEWS) + 1))): views,
        "tab": "next view; in the form, the next field (shift+tab: the previous one)",
        **{each.keys: each.help for each in VIEW_KEYS},
        "ctrl+p": "command palette: all commands by name",
    }


def describe_setting(name: str) -> str:
    """Return a setting's meaning, why to change it, its allowed values and its default."""
    field = FIELDS[name]
    meaning = field.metadata["help"]
    sentences = (
        f"{meaning[0].upper()}{meaning[1:]}.",
        WHY.get(name, ""),
        f"Allowed: {describe_allowed(name)}.",
        "" if field.default is None else f"Default: {field.default}.",
        f"On the command line: {flag(name)}.",
    )
    return " ".join(filter(None, sentences))


def help_sections(
    mode: str, field: str | None = None, view_help: Section = TRAIN_HELP, title: str = ""
) -> dict[str, Section]:
    """Return the titles and sections of the help, the most relevant first.

    These are the form's field in focus, and `view_help`, the own section of the view of that mode;
    what it has is left out further below. `title`: that of a screen above the mode's first.
    """
    from tui.analysis.commentary import RULES

    rules = {rule.name: rule.condition for rule in RULES}
    sections: dict[str, Section] = {}
    if field in FIELDS:
        sections["This setting"] = {field.replace("_", " "): describe_setting(field)}
    if field == "arch":
        sections |= explain_layers()
    if view_help:
        sections[f"In this view: {title or VIEWS[mode].title}"] = view_help
    sections |= {
        "Keys": keys(),
        "Charts": CHARTS,
        "A run that fails to learn": OUTCOMES,
        "Digits and checkpoints": DISPLAY,
        "Slow connections": SLOW_LINK,
        "Settings": {name.replace("_", " "): describe_setting(name) for name in FIELDS},
        **explain_layers(),
        "What is happening: when a sentence appears": rules,
    }
    shown = set[str]()
    for title, section in sections.items():
        entries = {name: text for name, text in section.items() if text not in shown}
        shown |= set(entries.values())
        sections[title] = {name: _capitalize(text) for name, text in entries.items()}
    return {title: section for title, section in sections.items() if section}


def _capitalize(text: str) -> str:
    """Begin a text with a capital, unless it begins with a key, such as y."""
    is_key = not text[1:2].isalpha() and not text.startswith("a ")
    return text if is_key else f"{text[0].upper()}{text[1:]}"


def epilogue(width: int = 78) -> str:
    """Return the keys for the end of --help."""
    rows = {name.translate(ASCII_ARROWS): text for name, text in keys().items()}
    return format_rows("Keys in the app:", rows, width)


def format_rows(title: str, rows: Mapping[str, str], width: int = 78) -> str:
    r"""Return a title and rows of a name and a text for the end of --help. The mark \b makes click
    keep the line breaks."""
    column = max(map(len, rows))
    lines = [
        fill(text, width, initial_indent=f"{name:{column}}  ", subsequent_indent=" " * (column + 2))
        for name, text in rows.items()
    ]
    return "\n".join(["\b", title, *lines])
