"""The row "parts" of touch.py: the computation of each answer to a question, without training."""

import statistics
import tempfile
import time
from queue import SimpleQueue

from core.commands import Inbox
from core.config import TrainConfig
from core.data.local_datasets import load_local
from core.engine.requests import load_newest
from core.explain.parts import explain
from core.explain.subject import Subject, copy_network
from core.questions import (
    ExplainChange,
    ExplainIdeal,
    ExplainLayers,
    ExplainMap,
    ExplainOcclusion,
    Question,
    ScoreWithoutUnits,
)
from core.responses.explanations import Unit
from core.training.trainer import train

NETWORKS = ("mlp", "cnn")
DIGIT = 61  # the index of a test image
TIMES = 3


def train_checkpoint(arch: str, data: str, folder: str) -> str:
    """Train an epoch and return the path of the checkpoint."""
    config = TrainConfig(arch=arch, data=data, epochs=1, checkpoints=folder)
    inbox: Inbox = SimpleQueue()
    *_, finished = train(config, inbox)
    return finished.checkpoint


def questions(image: bytes) -> dict[str, Question]:
    return {
        "occlusion": ExplainOcclusion(image),
        "feature maps": ExplainLayers(image),
        "ten images of a unit": ExplainLayers(image),
        "accuracy without a unit": ScoreWithoutUnits((Unit("stack.0", 3),)),
        "small change": ExplainChange(image, 3),
        "ideal digit": ExplainIdeal(3),
        "map": ExplainMap((image,)),
    }


def time_answer(question: Question, subject: Subject, *, first: bool) -> tuple[float, float]:
    """Return the seconds of the answer, or of the first part of it, and of its longest slice."""
    slices, since = [], time.perf_counter()
    for _ in explain(question, subject, {}):
        now = time.perf_counter()
        slices.append(now - since)
        if first:
            break
        since = time.perf_counter()
    return sum(slices), max(slices)


def time_parts(data: str) -> dict[str, str]:
    tensors = load_local("mnist", data)
    assert tensors is not None, "MNIST is not on this machine"
    image = tensors.test_images[DIGIT].numpy().tobytes()
    numbers = {}
    with tempfile.TemporaryDirectory() as folder:
        for arch in NETWORKS:
            info, model = load_newest(train_checkpoint(arch, data, folder))
            for what, question in questions(image).items():
                times = []
                for _ in range(TIMES + 1):  # the first warms up
                    subject = Subject(
                        copy_network(model), info.step, arch, info.class_names, tensors
                    )
                    times.append(time_answer(question, subject, first=what == "feature maps"))
                wholes, longest = zip(*times[1:], strict=True)
                numbers[f"{what}, {arch}"] = (
                    f"{statistics.median(wholes):.2f} s, "
                    f"longest slice {1000 * statistics.median(longest):.0f} ms"
                )
    return numbers
