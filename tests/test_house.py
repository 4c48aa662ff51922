"""The rules of the house that a reader of one file cannot see."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
ALL = CORE + sorted((ROOT / "tui").rglob("*.py"))
SCREENS = {"textual", "rich", "typer", "click", "plotext", "textual_plotext", "tui"}
LONGEST = 400


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("core" if node.level else (node.module or "").split(".")[0])
    return found


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_there_is_something_to_check():
    assert {"core/training/trainer.py", "tui/app/app.py"} <= {name_of(path) for path in ALL}


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_core_knows_nothing_of_any_screen(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not imported(tree) & SCREENS
    printed = [
        call.lineno
        for call in calls(tree)
        if isinstance(call.func, ast.Name) and call.func.id == "print"
    ]
    assert not printed


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_nothing_is_unpickled(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not imported(tree) & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    loads = [
        call
        for call in calls(tree)
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == "torch.load"
    ]
    for call in loads:
        assert "weights_only=True" in ast.unparse(call), f"line {call.lineno}"


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
