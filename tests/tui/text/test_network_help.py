"""The explanation of the layers of a network's text."""

from core.models.layer_kinds import KINDS
from core.models.network_text import parse_network
from tests.support.fakes import ROOT
from tui.text.network_help import BLOCKS, layer_texts


def test_examples_are_read():
    for example in layer_texts():
        if example not in BLOCKS:
            text = "linear" if example == "linear" else f"{example}, linear"
            assert parse_network(text), example


def test_readme_has_every_layer():
    """With the words of the help."""
    section = (ROOT / "README.md").read_text().partition("### A network of your own")[2]
    rows = section.partition("\n### ")[0].partition("\n## ")[0]
    for example, text in layer_texts().items():
        assert f"| `{example}` | {text} |" in rows, example
    assert len(layer_texts()) == len(KINDS) + len(BLOCKS)
