"""The benchmark for a GPU on a machine without one: its time limit, its failures and its files."""

import argparse
import json
import sys
import time

import pytest

from tests.support.fakes import ROOT

# A child that ignores SIGTERM, and one that reports once more because of it.
HANGS = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)\ntime.sleep(60)"
)
SAVES = (
    "import signal, time; signal.signal(15, lambda *_: (print('saved'), exit(143)))\n"
    "print(1, flush=True); time.sleep(60)"
)


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import gpu
    import gpu_process

    monkeypatch.setattr(gpu_process, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(gpu_process, "EXIT_SECONDS", 0.1)
    monkeypatch.setattr(gpu, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(gpu, "LEAST_SECONDS", 0.0)
    return gpu


@pytest.fixture
def session(gpu, tmp_path):
    options = argparse.Namespace(minutes=0.2, data=None, out=str(tmp_path / "out"), rehearse=True)
    found = gpu.Session(options)
    found.results |= {"machine": {"gpu": "H100", "torch": "2.14"}, "rehearsal": True}
    found.results["data"] = {"dataset": "drawn", "data": None}
    return found


def run_python(gpu, code, seconds):
    return gpu.child_lines([sys.executable, "-c", code], seconds)


def written(session):
    folder = session.options.out
    with open(f"{folder}/gpu.json") as file, open(f"{folder}/gpu.md") as table:
        return json.load(file), table.read()


@pytest.mark.parametrize(("code", "expected"), [(HANGS, ["1\n"]), (SAVES, ["1\n", "saved\n"])])
def test_child_ends_at_its_limit(gpu, code, expected):
    start, lines = time.monotonic(), []
    with pytest.raises(gpu.NotFinished, match="not finished within 1 s"):
        lines.extend(run_python(gpu, code, 1))
    assert lines == expected
    assert time.monotonic() - start < 5


def test_failed_parts_lose_no_other_result(gpu, session, monkeypatch):
    def works(session, seconds):
        failed = written(session)[0]["failed"]
        assert failed == {"error": "RuntimeError: CUDA out of memory", "crash": "exit status -6: "}
        row = {"arch": "mlp", "batch": 32, "precision": "fp32", "format": "fp32"}
        session.results["steps"] = [row | {"graph": 9000, "eager": 3000, "ratio": 3.0}]

    def error(session, seconds):
        raise RuntimeError("CUDA out of memory")

    def crash(session, seconds):
        list(run_python(gpu, "import os; os.abort()", seconds))

    def hang(session, seconds):
        list(run_python(gpu, HANGS, 1))

    parts = [("error", 0.5, error), ("crash", 0.5, crash), ("works", 0.5, works)]
    parts += [("hang", 0.5, hang), ("late", 0.0, error)]
    monkeypatch.setattr(gpu, "parts", lambda: [gpu.Part(*each) for each in parts])
    gpu.run(session)
    session.write()
    results, table = written(session)
    assert list(results["failed"]) == ["error", "crash", "hang"]
    assert results["left_out"] == ["late"]
    assert table.startswith("**Rehearsal on the CPU, with a stand-in for CUDA:** H100, driver")
    assert "| mlp, fp32 | 9,000 (3.00×) |" in table
    assert "- hang failed: not finished within 1 s\n" in table
    assert "- left out for lack of time: late\n" in table


def test_rows_that_fail_are_named(gpu, session, monkeypatch):
    row = {"arch": "cnn", "batch": 4096, "precision": "fp32", "format": "fp32"}
    measured = row | {"graph": 4, "eager": 2, "ratio": 2.0}
    rows = [row | {"failure": "CUDA out of memory"}, measured | {"equal": False}, measured]
    monkeypatch.setattr(gpu, "run_part", lambda *arguments: rows)
    with pytest.raises(gpu.PartFailed, match="2 of 3 rows, the first: CUDA out of memory"):
        gpu.steps(session, 5.0)
    table = written(session)[1]
    assert "- cnn, batch 4,096, fp32: CUDA out of memory\n" in table
    assert "- cnn, batch 4,096, fp32: the losses with and without a graph differ\n" in table


def test_unfinished_trainings_are_named(gpu, session, monkeypatch):
    """A preset's median is that of the finished runs alone."""
    finished = {"event": "run_finished", "epochs": 1, "test_accuracy": 0.99, "train_seconds": 2.0}

    def run_part(session, name, seconds, seed, **job):
        yield {"event": "run_started", "routes": "bf16,graph"}
        yield {"event": "evaluated", "epoch": 3, "test_accuracy": 0.5}
        if seed:
            raise gpu.NotFinished("not finished within 1 s")
        yield finished

    monkeypatch.setattr(gpu, "run_part", run_part)
    gpu.preset("tiny", 2)(session, 5.0)
    row = "| tiny | 1 | 2 (2) | 99.00% (99.00%) | bf16,graph; 50.00%, not finished, 3 epochs |"
    assert row in written(session)[1]


def test_every_preset_has_its_part(gpu):
    assert set(gpu.PRESETS) < {part.name for part in gpu.parts()}


def start(gpu, monkeypatch, out, name):
    """Prepare a call of main on a machine with that GPU."""
    machine = {"machine": {"gpu": name}}
    monkeypatch.setattr(gpu, "machine", lambda session, seconds: session.results.update(machine))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(out)])


def test_no_gpu_is_reported_in_one_line(gpu, monkeypatch, capsys, tmp_path):
    start(gpu, monkeypatch, tmp_path / "out", None)
    assert gpu.main() == 0
    assert capsys.readouterr().out.startswith("no NVIDIA GPU that PyTorch can use")
    assert not (tmp_path / "out").exists()


def test_folder_that_cannot_be_written_is_refused(gpu, monkeypatch, capsys, tmp_path):
    (tmp_path / "out").touch()
    start(gpu, monkeypatch, tmp_path / "out", "H100")
    with pytest.raises(SystemExit, match="2"):
        gpu.main()
    assert "out cannot be written (File exists)" in capsys.readouterr().err


def test_steps_with_graph_equal_steps_without(gpu, session, monkeypatch):
    """The real part, with the stand-in for CUDA; after the time limit, rows are left out."""
    monkeypatch.setattr(gpu, "GRACE_SECONDS", 29.5)  # the part takes half a second
    gpu.steps(session, 30)
    first, *_, last = session.results["steps"]
    assert (first["arch"], first["batch"], first["failure"]) == ("linear", 32, None)
    assert first["equal"]
    assert first["graph"] > 0
    assert last["left_out"]
