"""The private parts of Textual stand in one file, and the app runs without each of them."""

import ast
from importlib import import_module

import pytest

from tests.support.app import Recorder, app_in, until
from tests.support.fakes import ROOT
from tui.terminal import textual_private
from tui.terminal.slow_terminal import SlowTerminal
from tui.terminal.textual_private import (
    BATCH_COUNT,
    BORDER_SUBTITLE,
    BORDER_TITLE,
    COMPOSITOR,
    DISPLAY,
    NO_TOOLTIPS,
    PARTS,
    RENDERS,
    SPANS,
    UNCACHED,
)

pyte = pytest.importorskip("pyte")


def classes():
    """Each class of tui that derives from one of Textual or Rich, with its own methods' names."""
    for path in sorted((ROOT / "tui").rglob("*.py")):
        if path.stem == "__main__":
            continue
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for cls in vars(module).values():
            if isinstance(cls, type) and cls.__module__ == module.__name__:
                bases = [
                    b for b in cls.__mro__ if b.__module__.split(".")[0] in ("textual", "rich")
                ]
                if bases:
                    yield path.relative_to(ROOT), cls, bases


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def test_private_attributes_are_named_in_one_file():
    """A private name that tui itself does not define belongs to a library."""
    nodes = [
        (path.relative_to(ROOT), node)
        for path in sorted((ROOT / "tui").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
    ]
    ours = {"_exit"}  # os._exit is documented
    for _, node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            ours.add(node.name)
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
            ours.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    found = [
        f"{path}:{node.lineno} {ast.unparse(node)}"
        for path, node in nodes
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in ours
    ]
    assert not found


def test_private_methods_are_not_overridden():
    found = [
        f"{path} {cls.__name__}.{name}"
        for path, cls, bases in classes()
        for name in vars(cls)
        if is_private(name) and callable(vars(cls)[name]) and any(name in vars(b) for b in bases)
    ]
    assert not found


@pytest.mark.parametrize(
    ("name", "slow"),
    [
        (DISPLAY, False),
        (BATCH_COUNT, False),
        (COMPOSITOR, False),
        (SPANS, False),
        (RENDERS, False),
        (NO_TOOLTIPS, False),
        (UNCACHED, False),
        (BORDER_TITLE, False),
        (BORDER_SUBTITLE, False),
        (DISPLAY, True),
        (COMPOSITOR, True),
    ],
)
async def test_app_trains_without_a_private_part(tmp_path, monkeypatch, name, slow):
    """Textual then draws each frame itself, also on a slow connection."""
    part = textual_private._part
    monkeypatch.setattr(
        textual_private, "_part", lambda owner, each: None if each == name else part(owner, each)
    )
    monkeypatch.setattr(SlowTerminal, "is_limited", slow)
    app = app_in(tmp_path, epochs=1)
    app.driver_class = Recorder
    async with app.run_test(headless=False, size=(80, 24)) as pilot:
        await until(pilot, lambda: app.view is not None)
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.phase == "finished")
        screen = pyte.Screen(80, 24)
        stream = pyte.Stream(screen)
        await until(
            pilot, lambda: stream.feed(app._driver.take()) or "finished" in str(screen.display)
        )


def test_every_private_part_is_removed_by_a_test():
    frames = DISPLAY, BATCH_COUNT, COMPOSITOR, RENDERS, SPANS
    assert set(PARTS) == {*frames, BORDER_TITLE, BORDER_SUBTITLE, NO_TOOLTIPS, UNCACHED}
