"""Child processes import this program and Python's library, whatever the current folder holds."""

import json
import subprocess
import sys

import pytest

from core.processes import start_module
from tests.support.cli import ROOT, environment_in

# What a folder of another program may hold.
OTHERS = ("json.py", "random.py", "torch.py", "numpy.py", "core/__init__.py")


@pytest.fixture
def folder(tmp_path):
    """A current folder in which each of OTHERS ends the process that imports it."""
    for name in OTHERS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"raise SystemExit('imported {name} of the current folder')\n")
    return tmp_path


def imports_safely(folder, **more):
    process = start_module("core.event_json", cwd=folder, stderr=subprocess.PIPE, **more)
    return process.communicate()[1].decode() == ""


@pytest.mark.parametrize("named", [False, True])
def test_children_skip_the_current_folder(folder, monkeypatch, named):
    """It is in sys.path after `python -m tui`, and where PYTHONPATH has an empty part. Named in
    PYTHONPATH, it is there on purpose."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder) if named else f":{ROOT}")
    assert imports_safely(folder) is not named


def test_children_find_the_program_in_the_current_folder(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    assert imports_safely(ROOT)


def test_module_skips_the_current_folder(folder):
    """`python -m tui` itself, also as torchrun starts it, and without -P."""
    done = subprocess.run(
        [sys.executable, "-m", "tui", "datasets", "--json"],
        cwd=folder,
        env=environment_in(folder),
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert {each["name"] for each in json.loads(done.stdout)} >= {"mnist", "sample"}
