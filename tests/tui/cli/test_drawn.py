"""Train on drawings that are kept, and ask a run of other images about them."""

import json

from core.data.drawn.store import keep_drawing
from tests.support.cli import one_line, runner


def test_network_is_trained_on_drawings(tmp_path, monkeypatch, tiny_tensors):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    run = runner(tmp_path)
    images, labels = tiny_tensors.train_images, tiny_tensors.train_labels
    for digit in (3, 7):
        for pixels in images[labels == digit][:10]:
            keep_drawing(pixels.numpy().tobytes(), str(digit))
    settings = ("--arch", "linear", "--epochs", "5", "--lr", "0.01", "--routes", "default")
    done = run("train", "--dataset", "drawn", "--batch-size", "8", *settings, "--json")
    assert done.returncode == 0, done.stderr
    events = {each["event"]: each for each in map(json.loads, done.stdout.splitlines())}
    started, finished = events["run_started"], events["run_finished"]
    assert (started["dataset"], started["classes"]) == ("drawn", 10)
    assert (started["train_samples"], started["test_samples"]) == (16, 4)
    assert finished["test_accuracy"] == 1.0

    keep_drawing(images[0].numpy().tobytes(), "boat")
    name = started["run"]
    done = run("eval", name, "--dataset", "drawn", "--split", "train", "--json")
    report = json.loads(done.stdout)
    assert (report["dataset"], report["samples"], report["correct"]) == ("drawn", 16, 16)
    assert report["test_accuracy"] is None
    assert "drawn: left out 1 image of labels that the network does not know: boat" in done.stderr
    done = run("predict", name, "--dataset", "drawn", "--index", "1", "--json")
    assert [each["label"] for each in json.loads(done.stdout)] == [7]

    done = run("resume", name, "--epochs", "6")
    assert done.returncode == 1
    assert one_line(done).rstrip().endswith("drawing boat/000021.png was added")
