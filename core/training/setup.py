"""What may be trained with what: one answer for the trainer, the dry run and the app's form.

torch is imported only where a device is chosen, so that the form's checks need none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.checkpoints.header import CheckpointInfo, read_info
from core.class_names import DIGITS
from core.commands import ResumePoint
from core.compute.routes import Route
from core.config import TrainConfig
from core.data import datasets
from core.data.batches import steps_per_epoch
from core.data.dataset import Dataset
from core.data.drawn.dataset import DRAWN
from core.data.folder.source import absolute_name, folder_of, is_folder
from core.data.record import Record
from core.errors import DataError, UsageError, explain, printable
from core.files import check_writable
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.models.networks import Network, resolve_network
from core.models.saved_networks import find_name
from core.runs.data_folder import check_folder, describe_lost
from core.runs.description import config_in, lock_run, read_description
from core.runs.disk import explain_errors, explain_unwritable
from core.training.ranks import Place, choose_rank_device
from core.training.routes.choice import RouteChoice, choose_route

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Setup:
    """What a config comes to on this machine.

    The dataset may still be "auto", with 0 samples, until `with_dataset` has named it. The route's
    threads are in each of the `ranks` processes. `resume_point` is None for a new run, whose
    folder is named when it starts.
    """

    config: TrainConfig
    device: torch.device
    chosen: RouteChoice
    dataset: str
    train_samples: int = 0
    class_names: tuple[str, ...] = DIGITS
    content: Record = field(default_factory=dict)  # of the user's own images, for the run's config
    resume_point: ResumePoint | None = None
    ranks: int = 1
    notes: tuple[str, ...] = ()  # what the user should know before training
    route_seconds: float = 0.0  # in which routes were measured

    def with_dataset(self, name: str, samples: int, *notes: str) -> Setup:
        """Return the setup with this dataset. Raises UsageError where a batch is larger, and
        DataError where there are too few images to train on."""
        known = datasets.find_dataset(name)
        if name == DRAWN and (why := known.missing(None)):
            raise DataError(why)
        check_batch_size(self.config.batch_size, samples)
        names = known.class_names
        return replace(self, dataset=name, train_samples=samples, class_names=names, notes=notes)

    @property
    def network(self) -> Network:
        return resolve_network(self.config.arch, len(self.class_names))

    @property
    def arch(self) -> str:
        """The name of the network: built-in, saved by the user, or "custom"."""
        info = self.read_checkpoint()
        return info.arch if info else find_name(self.config.arch)

    @property
    def route(self) -> Route:
        return self.chosen.route

    @property
    def precision(self) -> str:
        return self.route.precision

    @property
    def steps_per_epoch(self) -> int:
        return steps_per_epoch(self.train_samples, self.config.batch_size)

    @property
    def total_steps(self) -> int:
        return self.steps_per_epoch * self.config.epochs

    def read_checkpoint(self) -> CheckpointInfo | None:
        """Return the description of the checkpoint to resume from, None if there is none."""
        checkpoint = self.resume_point.checkpoint if self.resume_point else None
        return read_info(checkpoint) if checkpoint else None

    @property
    def first_step(self) -> int:
        """The steps that the checkpoint has behind it: 0 for a new run."""
        info = self.read_checkpoint()
        return info.step if info else 0

    @property
    def scaling(self) -> InputScaling:
        """How the network's input is scaled: as before the checkpoint, by default in a new run."""
        info = self.read_checkpoint()
        return info.scaling if info else DEFAULT_SCALING

    @property
    def cpu_threads(self) -> int | None:
        """None where another device computes."""
        return self.route.threads if self.device.type == "cpu" else None

    @property
    def needs_download(self) -> bool:
        dataset = datasets.find_dataset(datasets.resolve_auto(self.dataset))
        return dataset.files is not None and not dataset.is_complete(self.config.data)


def resolve_setup(
    config: TrainConfig,
    resume_point: ResumePoint | None = None,
    place: Place | None = None,
    *,
    find_dataset: bool = True,
    writes: bool = True,
) -> Setup:
    """Resolve each "auto" of the config and check all that can be checked before training.

    `place` is this process's among several ranks. Nothing is started, written or downloaded.
    `find_dataset` looks for the dataset and asks a mirror whether it can be downloaded; the
    trainer, which loads it, then calls `with_dataset` itself. `writes`: whether there will be a
    run, whose folder must be writable. Raises UserError.
    """
    from core.compute.devices import choose_device

    # So that the run can be resumed from any working directory.
    config = replace(config, dataset=absolute_name(config.dataset))
    device = choose_rank_device(config.device, place) if place else choose_device(config.device)
    checkpoint = resume_point.checkpoint if resume_point else None
    info = read_info(checkpoint) if checkpoint else None
    processes = place.local_world if place else None
    setup = Setup(
        config=config,
        device=device,
        chosen=choose_route(config, device, resume_point, info, processes),
        dataset=config.dataset,
        class_names=datasets.class_names_of(config.dataset),
        resume_point=resume_point,
        ranks=place.world if place else 1,
    )
    if config.batch_size < setup.ranks:
        raise UsageError(
            f"--batch-size {config.batch_size} is too small for {setup.ranks} processes: each "
            "needs at least one image of a batch"
        )
    if find_dataset:
        dataset, *notes = _find_dataset(config, resume_point)
        samples = datasets.find_dataset(dataset).train_samples
        setup = setup.with_dataset(dataset, samples, *notes)
    if writes:
        _check_folder(config, resume_point)
    return setup


def check_batch_size(batch_size: int, samples: int) -> None:
    """Raise UsageError where a batch would hold more images than there are."""
    if batch_size > samples:
        raise UsageError(
            f"--batch-size {batch_size} is larger than the training set of {samples:,} images; "
            f"use --batch-size {samples} or less"
        )


def most_samples(dataset: str) -> int:
    """Return the training samples of a dataset; of "auto" those of the largest."""
    names = datasets.AUTO if dataset == "auto" else (dataset,)
    return max(datasets.find_dataset(name).train_samples for name in names)


def _find_dataset(config: TrainConfig, resume_point: ResumePoint | None) -> tuple[str, ...]:
    """Return the dataset's name, and why it is not MNIST where auto fell back. Raises DataError."""
    if resume_point:
        check_folder(config.dataset, config.data)
    name = datasets.resolve_auto(config.dataset)
    known = datasets.find_dataset(name)
    why = known.find_problem(config.data) or _find_unwritable(known, config.data)
    if why is None:
        return (name,)
    if config.dataset == "auto":
        return "sample", datasets.explain_sample(why, config.data)
    stored = config_in(read_description(resume_point.folder)) if resume_point else {}
    lost = describe_lost(config.dataset, stored, config.data)
    why = f"{lost}; {why}" if lost else why
    raise DataError(datasets.add_hint(why, name, is_new=not stored))


def _find_unwritable(dataset: Dataset, data: str | None) -> str | None:
    """Return why the files of a dataset cannot be downloaded to their folder, or None."""
    folder = dataset.find_folder(data)
    try:
        if folder and not dataset.is_complete(data):
            check_writable(folder)
    except OSError as error:
        return f"{folder} cannot be written ({explain(error)})"
    return None


def _check_folder(config: TrainConfig, resume_point: ResumePoint | None) -> None:
    """Raise CheckpointError where the run cannot be written, or is in progress elsewhere."""
    if resume_point is None:
        _check_outside(config)
        with explain_unwritable(config.folder):
            check_writable(config.folder)
        return
    folder = resume_point.folder
    with lock_run(folder), explain_errors(f"{folder} cannot be written"):
        check_writable(folder)


def _check_outside(config: TrainConfig) -> None:
    """Raise UsageError where runs would be among the classes of the folder of images: the first run
    could not be resumed, since the folder has changed."""
    if not is_folder(config.dataset):
        return
    images = folder_of(config.dataset)
    if config.folder.resolve().is_relative_to(images.resolve()):
        raise UsageError(
            f"--checkpoints {printable(str(config.folder))} is inside the folder of images "
            f"{printable(str(images))}: choose a folder outside of it"
        )
