"""Damaged and hostile checkpoint files: tests/support/damaged.py writes and reads some 950."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core import files
from core.checkpoints import header as headers
from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.checkpoints.io import load_model
from core.errors import CheckpointError
from core.runs.imported import import_file
from tests.support import damaged, preloaded
from tests.support.damaged import ANY, REFUSED, SAME
from tui.cli import main as cli

ROOT = Path(__file__).parents[3]
MEMORY = 300 * 2**20  # part of it for writing the files


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def report(folder) -> dict:
    """Read all files in another process, whose memory is limited and measured."""
    done = preloaded.run(
        [sys.executable, "tests/support/damaged.py", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def faults(report: dict, fault) -> list[str]:
    found = [(case["name"], fault(case)) for case in report["cases"]]
    return [f"{name}: {what}" for name, what in found if what]


def test_case_names_are_unique(report):
    names = [case["name"] for case in report["cases"]]
    assert len(names) >= 500
    assert len(set(names)) == len(names)


def test_every_reader_refuses_in_one_line(report):
    """read_info, load_model and import_file; the line begins with the path."""

    def fault(case: dict) -> object:
        for way in ("read_info", "load_model", "import_file"):
            said = case[way].get("refused")
            if "raised" in case[way]:
                return case[way]
            if said and not (said.startswith(f"{case['path']} ") and said.isprintable()):
                return said
        if ("made" in case["read_info"]) != case["header"]:
            return case["read_info"]
        return "made" in case["load_model"]

    assert faults(report, fault) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("two weights of one name", "has a damaged header: two tensors have the same name"),
        ("a weight with an overlap", "fc1.weight begins at byte 4 of the tensors, not 0"),
        ("a weight with a larger type", "has 31360 bytes, which cannot be [10, 784] of F64"),
        ("nan in fc1.bias", "broken network: fc1.bias has weights that are NaN or infinite"),
        ("a terabyte of F32", "is too large: 1,048,576 MiB, while linear needs at most 16"),
    ],
)
def test_message_names_the_fault(report, name, said):
    (case,) = [each for each in report["cases"] if each["name"] == name]
    assert case["load_model"]["refused"].endswith(said)


def test_imported_weights_equal_the_saved(report):
    may = {REFUSED: {REFUSED}, SAME: {SAME, REFUSED}, ANY: {SAME, REFUSED, ANY}}

    def fault(case: dict) -> object:
        became = case["import_file"].get("made", REFUSED)
        return became not in may[case["imports"]] and became

    assert faults(report, fault) == []
    kept = [case for case in report["cases"] if "made" in case["import_file"]]
    assert report["imported"] == len(kept) + 1, "a refused file leaves no folder"


def test_listing_marks_broken_files(report):
    """Every file is a row, with an error exactly where its header is broken."""

    def fault(case: dict) -> object:
        row = report["listed"].get(case["path"], "not listed")
        return case["exists"] and (row is None) != case["header"] and f"{row}"

    assert faults(report, fault) == []


def test_reading_runs_nothing_and_bounds_memory(report, folder):
    assert faults(report, lambda case: case["ran"] or case["touched"]) == []
    assert report["grown"] < MEMORY
    assert not (folder / "ran").exists()


def test_traps_run_when_unpickled(tmp_path):
    """So that the test above can fail: a trap that never runs proves nothing."""
    ran = tmp_path / "ran"
    paths = [tmp_path / name for name in ("os.system far inside in a zip", "INST, bare")]
    for case in damaged.traps(ran):
        if tmp_path / case.name in paths:
            case.make(tmp_path / case.name)
    # As a program would read a trusted file.
    code = (
        "import os, pickle, sys, torch\n"
        "ran, zipped, bare = sys.argv[1:]\n"
        "torch.load(zipped, weights_only=False)\n"
        "os.unlink(ran)\n"
        "pickle.load(open(bare, 'rb'))\n"
        "os.unlink(ran)\n"
    )
    preloaded.run([sys.executable, "-c", code, str(ran), *map(str, paths)], check=True)


SAMPLE = (
    "a bomb of 100 MB",
    "a zip that claims a tensor of modest sizes",
    "a terabyte of F32",
    "os.system among weights in a zip",
    "INST, bare",
    "nan in fc1.weight",
    "a socket",
    "a link to itself",
    "HTML",
)


@pytest.mark.parametrize("name", SAMPLE)
def test_every_command_refuses_in_one_line(report, folder, name, monkeypatch, capsys):
    (case,) = [each for each in report["cases"] if each["name"] == name]
    path, made = case["path"], str(folder / "by-command")
    commands = [
        ("checkpoints", "import", path, "--checkpoints", made),
        ("checkpoints", "export", path, str(folder / "out.pth")),
        ("eval", path),
        ("predict", path, "--index", "0"),
    ]
    if not case["header"]:
        commands.append(("checkpoints", "show", path))
    for command in commands:
        monkeypatch.setattr(sys, "argv", ["mnist-tui", *command])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (1, "")
        assert said.err.startswith(f"mnist-tui: {path} ")
        assert said.err.count("\n") == 1
    assert not os.path.exists(made)
    assert not (folder / "out.pth").exists()
    assert os.path.lexists(path)


def test_processes_list_all_and_refuse_traps(report, folder):
    def call(*arguments: str) -> subprocess.CompletedProcess:
        return preloaded.run(
            [sys.executable, "-m", "tui", "checkpoints", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    listed = call("list", "--checkpoints", "runs")
    assert (listed.returncode, listed.stderr) == (0, "")
    there = sum(case["exists"] for case in report["cases"])
    assert len(listed.stdout.splitlines()) == there + 1
    assert listed.stdout.replace("\n", "").isprintable()
    (trap,) = [case["path"] for case in report["cases"] if case["name"] == "eval in a legacy"]
    refused = call("import", trap)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "contains __builtin__.eval, which is more than weights and is not run" in refused.stderr
    assert not (folder / "ran").exists()


NAMES = ("a b", "[red]x", "\x1b[31mred", "new\nline", "\u202ertl", "\udcff", "-dash", "..x")


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_strange_names_are_escaped(tmp_path, name, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path(name + ".pth").write_bytes(damaged.saved(damaged.weights()))
    for status, rest in ((0, ".pth"), (1, ".gone")):
        command = ["checkpoints", "import", f"./{name}{rest}", "--checkpoints", "runs"]
        command += ["--mean", "0", "--std", "1", "--dataset", "sample"]
        monkeypatch.setattr(sys, "argv", ["mnist-tui", *command])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = "".join(capsys.readouterr())
        assert ended.value.code == status
        assert said.count("\n") == 1
        assert said[:-1].isprintable()
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.isprintable()
    assert read_info(run / "imported.safetensors").run == run.name


def test_strange_folders_are_listed_without_waiting(tmp_path, monkeypatch, capsys):
    """Folders and files with control characters, pipes and sparse files of a terabyte."""
    for name in NAMES:
        folder = tmp_path / f"_{name}"
        folder.mkdir()
        (folder / "last.safetensors").write_bytes(damaged.checkpoint(run=name))
        (folder / f"{name}.safetensors").write_bytes(b"broken")
        os.mkfifo(folder / "run.json")
        damaged.sparse(b"{", damaged.TERABYTE)(folder / "notes.json")
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "checkpoints", "list"])
    monkeypatch.setenv("MNIST_TUI_CHECKPOINTS", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    # A file whose name begins with a dot does not belong to a run.
    assert said.out.count("\n") == 1 + 2 * len(NAMES) - 1
    assert said.out.replace("\n", "").isprintable()


WAYS = (read_info, load_model, lambda path: import_file(path, path.parent / "made"))


@pytest.mark.parametrize("way", WAYS)
def test_read_errors_name_the_file(tmp_path, way, monkeypatch):
    """A file without read permission, and one whose disk fails while it is read."""
    path = tmp_path / "last.safetensors"
    path.write_bytes(damaged.checkpoint())

    def forbidden(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "open", forbidden)
        with pytest.raises(CheckpointError) as refused:
            way(path)
    assert str(refused.value) == f"{path} cannot be read (Permission denied)"

    def broken(file: object, size: int) -> dict:
        raise OSError(5, "Input/output error")

    for module in (headers, checkpoints, sys.modules["core.checkpoints.import_weights"]):
        monkeypatch.setattr(module, "read_header", broken)
    with pytest.raises(CheckpointError) as refused:
        way(path)
    assert str(refused.value) == f"{path} cannot be read (Input/output error)"


@pytest.mark.parametrize("change", ["removed", "replaced", "cut off", "made larger"])
def test_changing_file_is_read_whole_or_refused(tmp_path, change, monkeypatch):
    """It is read as it was or refused, never half of one and half of another."""
    path = tmp_path / "last.safetensors"
    path.write_bytes(damaged.checkpoint())
    read_header = headers.read_header

    def meanwhile(file, size: int) -> dict:
        found = read_header(file, size)
        match change:
            case "removed":
                path.unlink(missing_ok=True)
            case "replaced":
                other = path.with_name("other")
                other.write_bytes(damaged.checkpoint(epoch=9))
                other.replace(path)
            case "cut off":
                os.truncate(path, 3000)
            case "made larger":
                os.truncate(path, 10**6)
        return found

    monkeypatch.setattr(checkpoints, "read_header", meanwhile)
    if change == "cut off":
        with pytest.raises(CheckpointError, match="is cut off"):
            load_model(path)
        return
    info, model = load_model(path)
    assert info.epoch == 2
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, damaged.weights()[name])
