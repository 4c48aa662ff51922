"""Tables on stdout: of full width in a pipe, fitted to a terminal."""

import pytest

from tui.cli.output import tables

HEAD = ("RUN", "SIZE", "NOTE")
ROWS = [("a", "1 KB", "short"), ("漢字", "20 KB", "a longer note\n"), ("c", "broken: is empty")]


@pytest.fixture
def printed(capsys, monkeypatch):
    def table(width, **options):
        monkeypatch.setattr(tables, "output_width", lambda: width)
        tables.print_table(HEAD, ROWS, **options)
        return capsys.readouterr().out.splitlines()

    return table


def test_table_has_aligned_columns(printed):
    """A wide character takes two columns, a line break is escaped, and a message runs on."""
    assert printed(tables.PIPE_WIDTH) == [
        "RUN   SIZE   NOTE",
        "a     1 KB   short",
        "漢字  20 KB  a longer note\\n",
        "c     broken: is empty",
    ]


def test_narrow_table_drops_optional_columns(printed):
    assert printed(22, optional=("SIZE",))[:3] == [
        "RUN   NOTE",
        "a     short",
        "漢字  a longer note\\n",
    ]


def test_narrow_table_moves_the_last_column_below(printed):
    assert printed(20, wrap_last=True) == [
        "RUN   SIZE",
        "a     1 KB",
        "  short",
        "漢字  20 KB",
        "  a longer note\\n",
        "c     broken: is em…",
    ]


def test_narrow_table_is_cut(printed):
    assert printed(12)[:2] == ["RUN   SIZE …", "a     1 KB …"]
