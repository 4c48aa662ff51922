"""Tests of the commands that rename, note, delete, restore and prune runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

from core.runs import trash
from core.runs.catalog import read_run_info
from tests.support import preloaded
from tests.support.runs import ROOT, make_run


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return preloaded.run(
        [sys.executable, "-m", "tui", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def test_manage_commands_report_what_they_do(tmp_path):
    place = make_run(tmp_path / "checkpoints", "a\x1b[2J", epochs=2)
    done = call(tmp_path, "runs", "rename", place.name, "a b")
    assert (done.returncode, done.stderr) == (0, "mnist-tui: renamed a\\x1b[2J to a b\n")
    pruned = call(tmp_path, "runs", "prune", "--all", "--json")
    assert [len(each["files"]) for each in json.loads(pruned.stdout)] == [2]
    done = call(tmp_path, "checkpoints", "delete", "nope", "a b/best.safetensors", "a b", "-y")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "mnist-tui: nope does not exist, and checkpoints has no run of that name",
        "mnist-tui: moved a b/best.safetensors to the trash; to restore: "
        "mnist-tui runs restore 'a b'",
        "mnist-tui: moved a b to the trash; to restore: mnist-tui runs restore 'a b'",
    ]
    assert len(json.loads(call(tmp_path, "runs", "trash", "--json").stdout)) == 3
    assert call(tmp_path, "runs", "restore", "a b").returncode == 0
    assert call(tmp_path, "runs", "note", "a b", "good").returncode == 0
    assert read_run_info(place.with_name("a b")).note == "good"
    refused = call(tmp_path, "runs", "trash", "--empty")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    freed = json.loads(call(tmp_path, "runs", "trash", "--empty", "--yes", "--json").stdout)
    assert freed["bytes"] > 7000
    assert trash.list_trash(place.parent) == []


def test_prune_all_is_limited_to_its_folder(tmp_path):
    """--all with --checkpoints must leave the runs of the current folder alone."""
    here = make_run(tmp_path / "checkpoints", epochs=1)
    there = make_run(tmp_path / "elsewhere", epochs=1)
    done = call(tmp_path, "runs", "prune", "--all", "--checkpoints", "elsewhere")
    assert done.returncode == 0
    assert (here / "epoch-001.safetensors").exists()
    assert not (there / "epoch-001.safetensors").exists()
