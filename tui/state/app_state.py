"""What the app knows apart from any run: a frozen AppState, and fold_app(state, event)."""

from dataclasses import dataclass, field, replace

from core.digit import Digit
from core.events import Event
from core.responses.devices import DeviceChoice, DevicesListed
from core.responses.layers import NetworkDescribed, NetworkInspected
from core.responses.predictions import CheckpointRefused, ImagesPredicted, Predicted
from core.responses.rates import RatesRefused, RatesTried
from core.responses.scores import CheckpointScored, Corruption, CorruptionsScored
from tui.state.drawing_answers import DrawingAnswers, fold_drawing
from tui.state.explanations import Explanations, fold_explanations
from tui.state.kept_drawings import KeptDrawings, fold_kept
from tui.state.run_state import LETTERS

MAX_COMPARED = len(LETTERS)
MAX_NETWORKS = 16


@dataclass(frozen=True, eq=False)
class OpenedCheckpoint:
    """The checkpoint that was last opened: its predictions, or why it could not be read.

    Each answer differs from all others: the same error again is news to a view that waits for it.
    """

    path: str
    digits: tuple[Digit, ...] = ()
    samples: int = 0  # how many test images its dataset has
    error: str | None = None


@dataclass(frozen=True)
class AppState:
    """What outlives a run."""

    devices: tuple[DeviceChoice, ...] = ()  # empty until torch is loaded
    networks: tuple[NetworkDescribed, ...] = ()  # those described, the newest last
    inspected: NetworkInspected | None = None  # the newest of a network that does not train
    opened: OpenedCheckpoint | None = None
    evaluated: tuple[CheckpointScored, ...] = ()  # evaluated checkpoints, the newest last
    # The newest evaluation on corrupted images, and the newest accuracies with all corruptions.
    corrupted: CheckpointScored | None = None
    corruptions: CorruptionsScored | None = None
    images: ImagesPredicted | None = None  # the newest predictions of a person's own images
    explanations: Explanations = field(default_factory=Explanations)
    drawing: DrawingAnswers = field(default_factory=DrawingAnswers)
    kept: KeptDrawings = field(default_factory=KeptDrawings)
    rates: RatesTried | RatesRefused | None = None  # of the newest search for a learning rate

    def evaluation_of(self, path: str) -> CheckpointScored | None:
        """Return the newest evaluation of that checkpoint file."""
        return next((each for each in self.evaluated if each.path == path), None)

    def network_of(self, spec: str, classes: int) -> NetworkDescribed | None:
        found = (each for each in self.networks if (each.arch, each.classes) == (spec, classes))
        return next(found, None)


@dataclass(frozen=True)
class CheckpointRequest:
    """A request to the engine about a checkpoint file, and the state before it was sent: what was
    answered before does not count, since the file may have changed."""

    path: str
    before: AppState
    corruption: Corruption | None = None  # of the images that it is evaluated on

    def evaluation(self, state: AppState) -> CheckpointScored | None:
        found = self._evaluation_in(state)
        return None if found is self._evaluation_in(self.before) else found

    def _evaluation_in(self, state: AppState) -> CheckpointScored | None:
        if self.corruption is None:
            return state.evaluation_of(self.path)
        found = state.corrupted
        is_asked = found and (found.path, found.corruption) == (self.path, self.corruption)
        return found if is_asked else None

    def corruptions(self, state: AppState) -> CorruptionsScored | None:
        found = state.corruptions
        is_new = found is not self.before.corruptions
        return found if found and is_new and found.path == self.path else None

    def images(self, state: AppState) -> ImagesPredicted | None:
        found = state.images
        is_new = found is not self.before.images
        return found if found and is_new and found.source == self.path else None

    def error(self, state: AppState) -> str | None:
        opened = state.opened
        is_new = opened is not self.before.opened
        return opened.error if opened and is_new and opened.path == self.path else None


def fold_app(state: AppState, event: Event) -> AppState:
    """Return the state after an event. Pure."""
    drawing = fold_drawing(state.drawing, event)
    state = state if drawing is state.drawing else replace(state, drawing=drawing)
    kept = fold_kept(state.kept, event)
    state = state if kept is state.kept else replace(state, kept=kept)
    match event:
        case DevicesListed():
            return replace(state, devices=event.devices)
        case NetworkDescribed():
            known = (event.arch, event.classes)
            others = [each for each in state.networks if (each.arch, each.classes) != known]
            return replace(state, networks=(*others, event)[-MAX_NETWORKS:])
        case NetworkInspected(source=str()):
            return replace(state, inspected=event)
        case Predicted(source=str(path)):
            return replace(state, opened=OpenedCheckpoint(path, event.digits, event.samples))
        case CheckpointRefused():
            return replace(state, opened=OpenedCheckpoint(event.path, error=event.message))
        case CheckpointScored(corruption=Corruption()):
            return replace(state, corrupted=event)
        case CorruptionsScored():
            return replace(state, corruptions=event)
        case CheckpointScored(path=path):
            scored = [each for each in state.evaluated if each.path != path]
            return replace(state, evaluated=(*scored, event)[-MAX_COMPARED:])
        case RatesTried() | RatesRefused():
            return replace(state, rates=event)
        case ImagesPredicted(question=0):
            return replace(state, images=event)
    explanations = fold_explanations(state.explanations, event)
    return (
        state if explanations is state.explanations else replace(state, explanations=explanations)
    )
