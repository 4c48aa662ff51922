"""A label's folder: readable, legal on every system, and read back as the label."""

import random
import re
import unicodedata

import pytest

from core.class_names import LONGEST_NAME
from core.data.drawn.labels import (
    LONGEST,
    encode_label,
    folder_name,
    is_cut,
    read_label,
    read_name,
)

# Characters that some file system, terminal or person changes, and what composes with others.
HARD = [*'aAzZ09 ._-%~/\\<>:"|?*\x00\n\x1b\u202e', "é", "e\u0301", "\u0327", "\u0338", "お", "が"]
HARD += ["か\u3099", "\U0001f600", "\ud800", "ß", "İ", "con", "nul.", "train"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("7", "7"),
        ("Ankle boot", "Ankle boot"),
        ("T-shirt/top", "T-shirt%2Ftop"),
        ("お", "お"),
        ("..", "%2E%2E"),
        ("100%", "100%25"),
        ("CON", "%43ON"),
        ("train", "%74rain"),
        ("e\u0301", "e%CC%81"),
    ],
)
def test_folder_of_a_label_is_readable(label, name):
    assert folder_name(label) == name
    assert read_name(name) == label


def test_any_label_is_read_back_from_its_folder():
    numbers = random.Random(17)
    for _ in range(3_000):
        parts = numbers.choices(HARD, k=numbers.choice([1, 2, 3, 8, 60, 100]))
        label = "".join(parts)[:LONGEST_NAME]
        for escaped in (False, True):
            name = folder_name(label, escaped=escaped)
            assert 0 < len(name.encode()) <= LONGEST
            assert not re.search(r'[/\\<>:"|?*\x00-\x1f]', name)
            assert name.isprintable()
            assert name[0] != "."
            assert name[-1] not in ". "
            for form in ("NFC", "NFD"):  # as file systems store it
                stored = unicodedata.normalize(form, name)
                if is_cut(name):
                    assert read_label(stored, encode_label(label)) == label
                    assert read_label(stored, encode_label(label + "x")) is None
                else:
                    assert read_name(stored) == label, (label, name)


def test_names_that_are_no_label_are_refused():
    assert read_name("%FF") is None
    assert read_name("\udcff") is None, "a name that is not UTF-8"
    assert read_name("x" * (LONGEST_NAME + 1)) is None
