"""Verify checkpoints: a changed bit anywhere is found, and its tensor named."""

import json
import os
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checkpoints import io as checkpoints
from core.checkpoints.header import DTYPES
from core.checkpoints.verify import verify_file, verify_files
from core.runs.catalog import list_checkpoints
from tests.support import preloaded
from tests.support.app import app_in, text_of, until
from tests.support.checkpoints import (
    INFO,
    ROOT,
    described,
    header_length,
    read_in_limited_memory,
    state,
    write,
)
from tui.screens.checkpoints.verify_dialog import VerifyDialog


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "last.safetensors"
    checkpoints.save(path, state(), INFO)
    return path


def entries(path):
    content = path.read_bytes()
    header = json.loads(content[8 : header_length(content)])
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


@settings(deadline=None)
@given(data=st.data())
def test_changed_bit_names_its_tensor(kept, data):
    content = bytearray(kept.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1) | st.integers(0, header_length(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = write(kept.with_name("damaged.safetensors"), bytes(content))
    fault = verify_file(damaged).fault
    assert fault
    within = place - header_length(content)
    for name, entry in entries(kept).items():
        begin, end = entry["data_offsets"]
        says_so = fault == f"is damaged: its tensor {name} has changed"
        assert says_so == (begin <= within < end)


def test_every_dtype_and_shape_verifies(tmp_path):
    tensors = {
        f"{name}.{number}": torch.ones(shape).to(getattr(torch, name))
        for name in DTYPES
        for number, shape in enumerate([(), (1,), (2, 3), (0, 4)])
    }
    checkpoints.save(tmp_path / "x.safetensors", tensors, INFO)
    found = verify_file(tmp_path / "x.safetensors")
    assert (found.fault, found.note) == (None, None)


def test_earlier_version_verifies_with_note(tmp_path):
    found = verify_file(write(tmp_path / "old.safetensors", described()))
    assert found.fault is None
    assert "without a header digest" in found.note


def test_file_with_two_names_is_read_once(tmp_path, kept, monkeypatch):
    run = tmp_path / "run-1"
    run.mkdir()
    (run / "last.safetensors").write_bytes(kept.read_bytes())
    os.link(run / "last.safetensors", run / "epoch-001.safetensors")
    (run / "best.safetensors").write_bytes(b"")
    read = []
    monkeypatch.setattr(
        "core.checkpoints.verify.verify_file", lambda path: read.append(path) or verify_file(path)
    )
    paths = [each.path for each in list_checkpoints(tmp_path)]
    faults = {each.path.name: each.fault for each in verify_files(paths)}
    assert faults == {
        "last.safetensors": None,
        "epoch-001.safetensors": None,
        "best.safetensors": "is empty",
    }
    assert len(read) == 2


def test_verify_needs_no_torch_and_little_memory(tmp_path):
    path = tmp_path / "large.safetensors"
    checkpoints.save(path, {"x": torch.zeros(60_000_000)}, INFO)
    script = (
        "from core.checkpoints.verify import verify_file\n"
        "print(verify_file(pathlib.Path(sys.argv[1])).fault, 'torch' in sys.modules)"
    )
    assert read_in_limited_memory(script, path, 2**27) == "None False\n"


def verify_command(folder, *arguments):
    return preloaded.run(
        [sys.executable, "-m", "tui", "checkpoints", "verify", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_command_names_the_file_and_fault(tmp_path, kept):
    good, bad = tmp_path / "checkpoints" / "run-1", tmp_path / "checkpoints" / "run-[red]\n2"
    good.mkdir(parents=True)
    bad.mkdir()
    content = bytearray(kept.read_bytes())
    (good / "last.safetensors").write_bytes(content)
    assert verify_command(tmp_path).returncode == 0
    content[-1] ^= 1
    (bad / "last.safetensors").write_bytes(content)
    done = verify_command(tmp_path)
    assert done.returncode == 1
    assert "✗ run-[red]\\n2/last.safetensors is damaged: its tensor " in done.stdout
    assert "✓ run-1/last.safetensors" in done.stdout
    assert done.stderr == "mnist-tui: 1 of 2 checkpoints failed verification\n"
    rows = json.loads(verify_command(tmp_path, "run-1", "--json").stdout)
    assert [(row["path"], row["ok"], row["fault"]) for row in rows] == [
        ("checkpoints/run-1/last.safetensors", True, None)
    ]
    none = verify_command(tmp_path, "run-7")
    assert none.returncode == 1
    assert none.stderr.startswith("mnist-tui: run-7 does not exist")


async def test_dialog_shows_each_checkpoint_of_the_run(tmp_path, kept):
    run = tmp_path / "run-[red]"
    run.mkdir()
    content = bytearray(kept.read_bytes())
    (run / "best.safetensors").write_bytes(content)
    (run / "events.jsonl").touch()
    content[-1] ^= 1
    (run / "last.safetensors").write_bytes(content)
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        pilot.app.push_screen(VerifyDialog(run / "best.safetensors"))
        await until(pilot, lambda: "--replay" in text_of(pilot))
        shown = text_of(pilot)
        assert "✓ best.safetensors: unchanged, " in shown
        assert "✗ last.safetensors is damaged: its tensor " in shown
        assert "Verify run-[red]" in shown
        await pilot.press("escape")
        assert pilot.app.screen is pilot.app.view
