"""Read typed and pasted paths."""

import os
import shlex
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from tui.text.typed_paths import join_lines, split_paths

# Any name that a file system takes: quotes, backslashes, line breaks, spaces of all kinds.
CHARACTERS = st.one_of(
    st.sampled_from(" \t\n\r'\"\\~%#$&*\u202f\xa0"),
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]),
)
NAMES = st.text(CHARACTERS, min_size=1, max_size=12).filter(lambda name: name not in (".", ".."))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("typed")


def made(folder: Path, names: list[str]) -> list[Path]:
    for left in folder.iterdir():
        left.unlink()
    for name in names:
        (folder / name).touch()
    return [folder / name for name in names]


def backslashed(path: Path) -> str:
    safe = "/-_."
    return "".join(c if c.isalnum() or c in safe else "\\" + c for c in os.fspath(path))


@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    blank=st.sampled_from([" ", "  ", "\n", "\r\n"]),
    end=st.sampled_from(["", " ", "\n"]),
)
@example(names=["\r"], blank=" ", end="\n")
@example(names=["\n", "\\"], blank=" ", end="")
@settings(max_examples=120, deadline=None)
def test_quoted_paths_are_understood(folder, names, blank, end):
    paths = made(folder, names)
    for quote in (shlex.quote, backslashed, Path.as_uri):
        # Before a line break, a file whose name ends in a backslash wins over the escape.
        if quote is backslashed and len(names) > 1 and any(each.endswith("\\") for each in names):
            continue
        text = blank.join(quote(path if quote is not shlex.quote else str(path)) for path in paths)
        assert split_paths(text + end) == paths, quote
        assert split_paths(join_lines(text + end)) == paths, quote


@given(name=NAMES.filter(lambda name: name != "other name.png"))
@settings(max_examples=80, deadline=None)
def test_existing_name_wins_over_quotes(folder, name):
    """As the whole text, and among others where it has no line break in it."""
    path, other = made(folder, [name, "other name.png"])
    assert split_paths(str(path)) == [path]
    if not set(name) & set("\r\n") and name.strip(" \t") == name:
        assert split_paths(f"{path} {other}") == [path, other]
        assert split_paths(f"{other}\n{path}\n") == [other, path]


def test_other_ways_to_name_a_file_are_understood(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.png").touch()
    (tmp_path / "c.png").touch()
    for text in ("~/a b.png", "~/a\\ b.png", "~/'a b.png'", '"~/a b.png"', " a b.png "):
        assert [os.path.abspath(path) for path in split_paths(text)] == [f"{tmp_path}/a b.png"], (
            text
        )
    address = f"file://localhost{tmp_path}/a%20b.png"
    assert split_paths(address) == split_paths(address.replace("//localhost", ""))
    assert split_paths(f"c.png {address}") == [Path("c.png"), tmp_path / "a b.png"]
    assert split_paths("my photo.png") == [Path("my photo.png")], "is reported as a whole"
    assert split_paths("none.png c.png") == [Path("none.png"), Path("c.png")]
    assert split_paths("it's.png c.png") == [Path("it's.png"), Path("c.png")]
    assert split_paths(" \n") == []
    with pytest.raises(UsageError, match="no such home folder"):
        split_paths("~nobody-here/x.png")
