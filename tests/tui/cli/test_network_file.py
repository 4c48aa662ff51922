"""A network from a Python file on the command line: what runs its code, and what never does."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from core.checkpoints.header import encode_header, read_info
from tests.support.cli import one_line, runner
from tests.support.runs import TENSOR

README = Path(__file__).parents[3] / "README.md"
TRAIN = ("train", "--dataset", "sample", "--epochs", "1", "--batch-size", "500", "--routes=default")
NAMED = ("--arch", "mynet.py:Net")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return how to run the program in a folder, the folder and a run of the README's network."""
    folder = tmp_path_factory.mktemp("file")
    run = runner(folder)
    source = re.search(r"```python\n# mynet.py\n(.*?)```", README.read_text(), re.DOTALL)
    printing = 'import sys\nprint("imported")\nsys.stdout.write("written\\n")\n'
    (folder / "mynet.py").write_text(printing + source[1], encoding="utf-8")
    started = run(*TRAIN, *NAMED, "--detach")  # so that a child process builds it, too
    assert started.returncode == 0, started.stderr
    name = started.stdout.strip()
    run("attach", name)
    description = json.loads((folder / "checkpoints" / name / "run.json").read_text())
    assert description["status"] == "finished"
    return run, folder, name


def test_a_checkpoint_holds_the_text_and_its_digest(trained):
    """What is printed is the file to the byte; run.json has no path."""
    run, folder, name = trained
    info = read_info(folder / "checkpoints" / name / "last.safetensors")
    assert (info.arch, info.version) == ("custom", 4)
    assert info.network == f"mynet.py:Net@{info.source_digest[:12]}"
    printed = run("checkpoints", "show", name, "--source")
    assert printed.stdout == (folder / "mynet.py").read_text()
    shown = run("checkpoints", "show", name)
    assert "lines of Python, which --source prints" in shown.stdout
    described = (folder / "checkpoints" / name / "run.json").read_text()
    assert info.source_digest in described
    assert str(folder) not in described


def test_what_needs_the_network_asks_for_the_file(trained):
    """It names both digests where the file is another one; a copy is the same."""
    run, folder, name = trained
    digest = read_info(folder / "checkpoints" / name / "last.safetensors").source_digest[:12]
    (folder / "other.py").write_text((folder / "mynet.py").read_text().replace("5,", "3,"))
    (folder / "copy.py").write_bytes((folder / "mynet.py").read_bytes())
    more = ("resume", name, "--epochs", "2")
    for command in (("eval", name), ("checkpoints", "export", name), more):
        asked = run(*command)
        assert "which is only run where you name it: add --arch mynet.py:Net" in one_line(asked)
        assert asked.returncode == 2
    refused = run(*more, "--arch", "other.py:Net")
    found = re.search(r"of digest (\w+), and .*other.py:Net, has (\w+): ", refused.stderr)
    assert found[1] == digest != found[2]
    assert len(found[2]) == 12
    scored = run("eval", name, "--arch", "copy.py:Net", "--json")
    assert json.loads(scored.stdout)["samples"] == 1000
    assert scored.stderr.startswith("imported\nwritten\n")  # what the file prints


def test_only_the_command_line_names_a_file(trained):
    """Neither the environment nor a config file runs one."""
    run, folder, _ = trained
    (folder / "run.toml").write_text('arch = "mynet.py:Net"')
    for done in (run(*TRAIN, MNIST_TUI_ARCH="mynet.py:Net"), run(*TRAIN, "--config", "run.toml")):
        assert "which is only run where you name it: add --arch mynet.py:Net" in one_line(done)
        assert done.returncode == 2
    planned = run(*TRAIN, *NAMED, "--dry-run")
    assert "# arch is code, which only the command line can name: --arch mynet.py:Net" in (
        planned.stdout.splitlines()
    )


def test_a_checkpoint_from_elsewhere_runs_nothing(trained):
    """Its text stays text, also where a file is named, and its digits decide nothing else."""
    run, folder, name = trained
    own = read_info(folder / "checkpoints" / name / "last.safetensors")
    hostile = "from pathlib import Path\nPath('ran').touch()\n\x1b[31m"
    info = replace(own, source=hostile, source_digest="0" * 64, run="theirs")
    (folder / "theirs.safetensors").write_bytes(encode_header(TENSOR, info) + bytes(2000))
    refused = run("eval", "theirs.safetensors", *NAMED)
    assert "of digest 000000000000, and the file named" in one_line(refused)
    assert run("checkpoints", "show", "theirs.safetensors", "--source").stdout == hostile
    assert not (folder / "ran").exists()
