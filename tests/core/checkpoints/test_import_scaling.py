"""Find the input scaling of weights that another program trained."""

import json
from dataclasses import replace
from math import inf

import pytest
import torch
from safetensors.torch import save_file

from core.checkpoints.export_weights import export
from core.checkpoints.header import read_header, read_info
from core.checkpoints.import_scaling import Tried, check_scaling, pick, read_scaling
from core.checkpoints.io import load_model
from core.data import datasets
from core.errors import CheckpointError, UsageError
from core.models.inference import predict
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.models.metrics import METRICS
from core.models.networks import resolve_network
from core.runs.imported import import_file
from tests.support.plain import train_plainly

UNIT, MNIST, BYTES = InputScaling(0, 1), InputScaling(0.1307, 0.3081), InputScaling(0, 1 / 255)


@pytest.fixture(scope="module")
def sample():
    loading = datasets.load_dataset("sample", None)
    while True:
        try:
            next(loading)
        except StopIteration as done:
            return done.value[1]


INVERTED = InputScaling(0.5, -0.5)


@pytest.mark.parametrize("scaling", [DEFAULT_SCALING, UNIT, MNIST, INVERTED])
def test_trained_network_keeps_its_accuracy(tmp_path, sample, scaling):
    path = tmp_path / "model.pth"
    *_, accuracy = train_plainly(sample, path, scaling.mean, scaling.std)
    imported = import_file(path, tmp_path / "runs", dataset="sample")
    assert (imported.input_mean, imported.input_std) == (scaling.mean, scaling.std)
    assert imported.input_scaling in ("clear", "tied")
    info, model = load_model(imported.path)
    assert info.scaling == scaling
    assert info.version == (2 if scaling == DEFAULT_SCALING else 3)
    here = METRICS["accuracy"](predict(model, sample.test_images), sample.test_labels)
    assert here == accuracy > 0.8
    described = json.loads((imported.path.parent / "run.json").read_text())
    assert (described["input_mean"], described["input_std"]) == (scaling.mean, scaling.std)


def test_black_ink_on_white_is_said(tmp_path, sample):
    """Whatever reads the network's scaling inverts with it: predictions, exports, reports."""
    model, *_ = train_plainly(sample, tmp_path / "model.pth", 0.5, -0.5)
    imported = import_file(tmp_path / "model.pth", tmp_path / "runs", dataset="sample")
    note = imported.scaling_note
    assert (
        "mean 0.5, std -0.5 (pixels become [-1, 1] from ink to background, as by ToTensor()" in note
    )
    assert ", for a network trained on black ink on white)" in note
    assert "compare this with the accuracy that you know" in note
    with torch.inference_mode():
        theirs = model(1 - sample.test_images[:20, None] / 127.5)
        ours = predict(load_model(imported.path)[1], sample.test_images[:20])
    assert torch.allclose(ours, theirs, atol=1e-4)
    export(imported.path, tmp_path / "out.pt2", with_scaling=True)
    program = torch.export.load(tmp_path / "out.pt2").module()
    assert torch.allclose(program(sample.test_images[:20, None] / 255), theirs, atol=1e-4)
    export(imported.path, tmp_path / "out.safetensors")
    assert read_scaling(tmp_path / "out.safetensors") == INVERTED
    for number, (given, worse) in enumerate(
        ((DEFAULT_SCALING, True), (InputScaling(33.3, 78.5), True), (INVERTED, False))
    ):
        again = import_file(
            tmp_path / "model.pth", tmp_path / "runs", f"{number}", scaling=given, dataset="sample"
        )
        assert again.scaling_note.startswith("correct on ") == worse, again.scaling_note
        best = "with mean 0.5, std -0.5, for a network trained on black ink on white"
        assert again.scaling_note.endswith(best) == worse
    with pytest.raises(UsageError, match="mean 0, std 1e-37 cannot be used: the network's logits"):
        import_file(tmp_path / "model.pth", tmp_path / "runs", scaling=InputScaling(0, 1e-37))


@pytest.mark.parametrize(
    ("scaling", "formula", "range", "transforms"),
    [
        (UNIT, "pixel / 255", "[0, 1]", "ToTensor()"),
        (DEFAULT_SCALING, "(pixel / 255 - 0.5) / 0.5", "[-1, 1]", "Normalize((0.5,), (0.5,))"),
        (BYTES, "pixel", "[0, 255]", "Normalize((0,), (0.003921568627,))"),
        (UNIT.inverted, "(pixel / 255 - 1) / -1", "[0, 1] from ink to background", "((1,), (-1,))"),
        (BYTES.inverted, "255 - pixel", "[0, 255] from ink to background", "-0.003921568627,))"),
    ],
)
def test_scaling_in_words(scaling, formula, range, transforms):
    assert (scaling.formula, scaling.range) == (formula, range)
    assert scaling.transforms.endswith(transforms)
    pixels = torch.arange(256.0)
    found = scaling.apply(pixels[:, None, None].to(torch.uint8)).flatten()
    assert torch.allclose(found, eval(formula, {"pixel": pixels}), atol=1e-4)


def tried(*rows):
    return [Tried(*row, guessing=0.1) for row in rows]


@pytest.mark.parametrize(
    ("rows", "taken", "how", "said"),
    [
        # Clear by accuracy, and by loss where the accuracy is nearly the same.
        ([(DEFAULT_SCALING, 0.2, 2), (UNIT, 0.97, 0.1)], UNIT, "clear", "next best"),
        ([(MNIST, 0.96, 0.2), (UNIT, 0.97, 0.1)], UNIT, "clear", "97.0% of these"),
        ([(DEFAULT_SCALING, 0.96, 0.16), (UNIT, 0.97, 0.1)], UNIT, "clear", "97.0% of these"),
        # More accurate by chance, and worse than guessing: far too sure.
        ([(UNIT, 0.97, 0.1), (BYTES, 0.975, 12)], UNIT, "clear", "97.0% of these"),
        ([(UNIT, 0.6, 1.2), (BYTES, 0.9, 3)], BYTES, "clear", "90.0% of these"),
        # The default where it fits as well, else the best.
        ([(DEFAULT_SCALING, 0.95, 0.14), (UNIT, 0.97, 0.1)], DEFAULT_SCALING, "tied", "97.0%"),
        ([(UNIT, 0.95, 0.11), (MNIST, 0.97, 0.1)], MNIST, "tied", "not certain"),
        ([(UNIT, 1.0, 0.02), (MNIST, 1.0, 0.01)], MNIST, "tied", "is not certain"),
        ([(UNIT, 0.25, 2.2), (MNIST, 0.29, 2.1)], DEFAULT_SCALING, "assumed", "at most 29.0%"),
        ([(UNIT, 0.1, inf), (MNIST, 0.1, inf)], DEFAULT_SCALING, "assumed", "at most 10.0%"),
        ([(UNIT, 0.9, inf), (MNIST, 0.1, inf)], UNIT, "clear", "90.0%"),
    ],
)
def test_scaling_is_taken_as_clear_as_it_is(rows, taken, how, said):
    choice = pick(tried(*rows), "these")
    assert (choice.scaling, choice.how) == (taken, how)
    assert said in choice.note
    assert ("pass --mean and --std" in choice.note) == (how != "clear")


def test_default_is_assumed_without_images(tmp_path, monkeypatch):
    missing = replace(datasets.DATASETS["sample"], missing=lambda data: "it needs a package")
    monkeypatch.setitem(datasets.DATASETS, "sample", missing)
    torch.save(resolve_network("linear").build().state_dict(), tmp_path / "model.pth")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("core.data.download.fetch_file", None)  # is not called
    imported = import_file(tmp_path / "model.pth", tmp_path / "runs")
    assert (imported.input_scaling, imported.input_mean) == ("assumed", 0.5)
    assert "no training images" in imported.scaling_note
    assert "--data DIR" in imported.scaling_note


def test_given_and_stated_scaling_are_taken(tmp_path, monkeypatch):
    weights = resolve_network("linear").build().state_dict()
    torch.save(weights, tmp_path / "model.pth")
    given = import_file(tmp_path / "model.pth", tmp_path / "runs", scaling=InputScaling(0.25, 2.0))
    assert (given.input_scaling, read_info(given.path).scaling) == ("given", InputScaling(0.25, 2))
    export(given.path, tmp_path / "out.safetensors")
    for file in (tmp_path / "out.safetensors", given.path):
        again = import_file(file, tmp_path / "runs")
        assert (again.input_scaling, again.input_mean, again.input_std) == ("stated", 0.25, 2.0)
    save_file(weights, tmp_path / "bad.safetensors", {"input_mean": "0", "input_std": "0"})
    assert import_file(tmp_path / "bad.safetensors", tmp_path / "runs").input_scaling == "assumed"
    save_file(
        weights, far := tmp_path / "far.safetensors", {"input_mean": "0", "input_std": "1e-38"}
    )
    with pytest.raises(CheckpointError) as refused:
        import_file(far, tmp_path / "runs")
    assert str(refused.value) == (
        f"{far} states an input scaling, but mean 0, std 1e-38 cannot be used: the network's "
        "logits are not finite with it; pass --mean and --std"
    )


@pytest.mark.parametrize(("mean", "std"), [(inf, 1), (0, 0), (0, inf), (0, float("nan"))])
def test_number_that_scales_nothing_is_refused(mean, std):
    with pytest.raises(UsageError, match="must be a number"):
        check_scaling(mean, std)


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        (1e300, 1e-300, "larger than float32"),
        (0, 1e-39, "larger than float32"),
        (0, 1e-300, "larger than float32"),
        (1e10, 1, "the same number"),
        (0, 1e300, "the same number"),
    ],
)
def test_scaling_beyond_float32_is_refused(mean, std, said):
    with pytest.raises(UsageError, match=f"cannot be used: .*{said}"):
        check_scaling(mean, std)


def test_default_stays_out_of_the_header(tmp_path):
    """So that earlier versions, which refuse version 3, read the file."""
    torch.save(resolve_network("linear").build().state_dict(), tmp_path / "model.pth")
    imported = import_file(tmp_path / "model.pth", tmp_path / "runs", scaling=DEFAULT_SCALING)
    with open(imported.path, "rb") as file:
        header = read_header(file, imported.path.stat().st_size)
    described = json.loads(header["__metadata__"]["mnist_tui"])
    assert described["version"] == 2
    assert not {"input_mean", "input_std"} & described.keys()
