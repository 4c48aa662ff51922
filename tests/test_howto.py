"""The README's "How to add": each example is followed in a scratch copy of the code, and works."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```python\n# (\S+), ([^\n]+)\n(.*?)```", re.S)


def registry_end(source: str, name: str) -> int:
    """Return the line after the last entry of a registry, counted from 0."""
    for node in ast.parse(source).body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if any(isinstance(each, ast.Name) and each.id == name for each in targets):
            value = node.value
            if isinstance(value, ast.DictComp):
                return value.generators[0].iter.elts[-1].end_lineno
            return value.values[-1].end_lineno
    raise AssertionError(f"no {name}")


def insert(root: Path, file: str, where: str, code: str) -> None:
    path = root / file
    if where == "a new file":
        assert not path.exists()
        path.write_text(code)
        return
    lines = path.read_text().splitlines(keepends=True)
    place, _, name = where.rpartition(" ")
    if place == "above":
        start = next(row for row, line in enumerate(lines) if re.match(rf"{name}\b", line))
    elif place == "in":
        start = registry_end("".join(lines), name)
    elif where == "among the imports":
        start = next(row for row, line in enumerate(lines) if line.startswith("from "))
    else:
        assert where == "at its end"
        start = len(lines)
    space = "\n\n" if place == "above" else ""
    lines[start:start] = [code, space]
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    """A copy of the code in which the README's examples were followed."""
    root = tmp_path_factory.mktemp("scratch")
    for package in ("core", "tui"):
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(readme)
    assert len(blocks) == 11
    for file, where, code in blocks:
        insert(root, file, where, code)
    return root


def run(scratch: Path, *arguments: str) -> str:
    path = os.pathsep.join([str(scratch), str(ROOT)])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=scratch,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr
    return done.stdout


# Several commands in one process, which loads PyTorch once.
RUN_COMMANDS = """
import sys
from pathlib import Path
from tui.cli.main import main
import tui
assert Path(tui.__file__).parents[1] == Path.cwd(), tui.__file__
for command in sys.argv[1:]:
    runs = [each.name for each in Path("checkpoints").glob("*") if each.is_dir()]
    sys.argv[1:] = command.replace("RUN", "".join(runs)).split()
    try:
        main()
    except SystemExit as end:
        assert not end.code, command
    print(end="\\0")
"""


def test_examples_train_and_evaluate(scratch):
    """The network and the dataset are listed and train; eval has the metric."""
    printed = run(
        scratch, "-c", RUN_COMMANDS,
        "archs", "datasets", "train --arch small --dataset bars --epochs 2 --quiet",
        "eval RUN --json", "eval RUN", "best", "--help",
    )  # fmt: skip
    archs, datasets, _, report, evaluation, best, usage = printed.split("\0")[:-1]
    assert "small" in archs
    assert "bars" in datasets
    (folder,) = (each for each in (scratch / "checkpoints").iterdir() if each.is_dir())
    report = json.loads(report)
    assert report["test_accuracy"] <= report["top2"] <= 1
    assert f"test top2 {report['top2']:.4g}" in evaluation
    assert best.startswith(f"{folder.name}  ")
    assert "best" in usage


SHOW_VIEW = """
import asyncio
from core.config import TrainConfig
from tests.support.app import until
from tests.support.fakes import key_of, make_fake_train
from tui.app.app import MnistApp
import tui
assert tui.__file__.startswith({scratch!r}), tui.__file__

async def main():
    app = MnistApp(TrainConfig(dataset="sample"), train=make_fake_train(steps=3, delay=0.01))
    async with app.run_test(size=(100, 30)) as pilot:
        def shows(text):
            return text == str(app.screen.query_one("#speed").render())

        await pilot.press(key_of("speed"))
        await until(pilot, lambda: shows("No run yet."))
        await pilot.press("1", "space", key_of("speed"))
        await until(pilot, lambda: shows("1,000 samples/s"))
        print("shown")

asyncio.run(main())
"""


def test_example_view_shows_the_run(scratch):
    """The view has the next key, and follows the state of the run."""
    shown = run(scratch, "-c", SHOW_VIEW.format(scratch=str(scratch)))
    assert shown == "shown\n"


def test_examples_pass_the_style_check(scratch):
    """ruff finds nothing in the examples but the order of an import."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"),
         "--ignore", "I001", "."],
        cwd=scratch, capture_output=True, text=True,
    )  # fmt: skip
    assert not done.returncode, done.stdout
