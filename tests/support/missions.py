"""A mission to write to a file."""

from pathlib import Path

GOOD = """
title = "Rates"
minutes = 2
setting = "Two rates."
hints = ["one", "two"]
happened = "It had {fast.test_accuracy}, {gap} more."
explanation = ["One.", "Two.", "Three."]
[question]
text = "Which is better?"
choices = ["fast", "slow"]
right = 1
[[runs]]
name = "fast"
task = "Train."
fixed = { dataset = "sample", epochs = 1 }
[[runs]]
name = "slow"
task = "Set the rate to 0.00001."
fixed = { dataset = "sample", epochs = 1 }
open = { learning_rate = { to = 0.00001 } }
[[checks]]
name = "gap"
text = "The fast one is better"
value = "fast.test_accuracy"
minus = "slow.test_accuracy"
above = 0.1
"""


def write(folder: Path, text: str, name: str = "01-rates.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
