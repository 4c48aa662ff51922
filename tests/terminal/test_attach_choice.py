"""`mnist-tui attach` on a terminal, where several runs are in progress."""

import pytest

from core.commands import Pause
from tests.support.attached import running  # noqa: F401, a fixture
from tests.support.cli import one_line, runner
from tests.support.terminal import open_terminal  # noqa: F401, a fixture

pytestmark = pytest.mark.terminal


@pytest.fixture
def choose(running, open_terminal, tmp_path):  # noqa: F811
    """Open a terminal that asks which of two runs in a folder; return it and them."""
    runs = [running(), running(arch="mlp")]
    for run in runs:
        run.host.send(Pause())  # it needs no CPU time meanwhile

    def start():
        given = ("--checkpoints", str(tmp_path / "runs"))
        terminal = open_terminal(*given, program=("-m", "tui", "attach"), dataset=(), size=(99, 24))
        terminal.expect(r"Attach to which run\? Number 1 to 2, or q to leave:")
        return terminal, runs

    return start


def test_terminal_offers_the_runs_to_choose_from(choose):
    """It printed an error instead."""
    terminal, (linear, mlp) = choose()
    lines = [line.split() for line in terminal.text.splitlines() if line[:3] in ("1  ", "2  ")]
    listed = {words[1]: words for words in lines}
    assert listed[linear.folder.name][2] == "linear"
    assert listed[mlp.folder.name][2] == "mlp"
    terminal.press("7\r")
    terminal.expect("There is no '7' in the list")
    terminal.press(f"{listed[mlp.folder.name][0]}\r")
    terminal.expect("mlp · .*attached")
    terminal.press("q")
    assert terminal.ended() == 0
    assert f"{mlp.folder.name} continues in process" in terminal.text


@pytest.mark.parametrize(("key", "status"), [("q\r", 0), ("\x03", 130)])
def test_leaving_the_choice_attaches_to_none(choose, key, status):
    terminal, _ = choose()
    terminal.press(key)
    assert terminal.ended() == status
    assert "Traceback" not in terminal.text
    assert b"?1049h" not in terminal.output, "the app was not started"


def test_error_names_the_runs_of_the_given_folder(running, tmp_path):  # noqa: F811
    """Without a terminal; runs of other folders were named too."""
    call = runner(tmp_path)
    runs = [running(), running(), running(checkpoints=str(tmp_path / "elsewhere"))]
    for run in runs:
        run.host.send(Pause())
    done = call("attach", "--checkpoints", "runs")
    assert done.returncode == 2
    named = one_line(done)
    assert "2 runs are in progress: name one of" in named
    assert [str(run.folder) in named for run in runs] == [True, True, False]
    done = call("attach", "--checkpoints", "none")
    assert done.returncode == 1
    assert "no run is in progress in none" in one_line(done)
