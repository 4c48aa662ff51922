"""Layer by layer: the output of each layer, and the network with units switched off."""

from __future__ import annotations

from typing import cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.reactive import var
from textual.widgets import Static

from core.commands import DescribeNetwork
from core.questions import MOST_OFF, ExplainLayers, Question, ScoreWithoutUnits
from core.responses.explanations import Explanation, LayersExplained, Unit, UnitsScored
from core.responses.layers import INPUT_LAYER, LayerOutput, NetworkDescribed
from tui.screens.base import View, app_of
from tui.screens.captions import set_text
from tui.screens.why.layers.units_text import effect_lines, unit_line
from tui.screens.why.part import Part
from tui.state.run_state import RunState
from tui.widgets.explain.exciting_digits import ExcitingDigits
from tui.widgets.explain.layer_list import LayerList
from tui.widgets.explain.unit_outputs import UnitOutputs
from tui.widgets.explain.unit_weights import UnitWeights

# Columns and lines of the part from which on there is room for the list of layers.
WIDE, TALL = 100, 24
HUGE_WIDTH, HUGE_HEIGHT = 170, 40  # the same for larger images
HEADING = "The test images with the largest output of this unit. enter opens the first."


class LayersPart(Part):
    """A layer and one of its units, chosen by the arrows, and the units that are switched off.

    These stay so for other images, and for newer weights of the network.
    """

    BINDINGS = [
        Binding("Z", "switch('unit')", "Switch off"),
        Binding("O", "switch('all')", "All on", show=False),
        Binding("e", "evaluate", "Evaluate"),
        Binding("number_sign", "go_to", "Go to", show=False),
    ]

    answer: var[LayersExplained | None] = var(None, init=False)
    scored: var[UnitsScored | None] = var(None, init=False)
    unit: var[Unit | None] = var(None, init=False)  # None: the first one with weights
    off: var[tuple[Unit, ...]] = var((), init=False)

    def __init__(self) -> None:
        super().__init__()
        # Whether the accuracy without units is wanted: it is asked for once the outputs are known.
        self._score_due = False
        self._is_asking = False  # whether an answer, or the accuracy, is not complete
        self._is_outdated = False  # whether there was an evaluation meanwhile
        self._is_renewing = False  # until the screen asks: answers are those of older weights
        self._described = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="side"):
            yield LayerList()
            yield Static(id="chosen")
        with Container(id="pictures"):
            yield UnitOutputs().data_bind(Part.preferences)
            with Vertical(id="unit"):
                yield UnitWeights().data_bind(Part.preferences)
        yield Static(id="effect")
        yield ExcitingDigits().data_bind(Part.preferences)

    def on_mount(self) -> None:
        self.watch(self.screen, "app_state", self.redraw, init=False)
        self.watch(self.screen, "run_state", self._follow_run, init=False)

    @property
    def _view(self) -> View:
        return cast(View, self.screen)

    # Questions and answers

    def question(self) -> Question | None:
        self._is_renewing = False
        return ExplainLayers(self.digit.pixels, self.unit, self.off)

    def ask(self, question: Question | None = None) -> None:
        self._is_asking = True
        super().ask(question)

    def receive(self, answer: Explanation) -> None:
        match answer:
            case LayersExplained():
                self.unit, self.answer = answer.unit, answer
                self._is_asking = answer.done < 1
                self._describe(answer)
                if self._score_due and not self._is_renewing:
                    self._ask_score()
            case UnitsScored():
                self.scored = answer
                if answer.done >= 1:
                    self._score_due = self._is_asking = False
                    if self.answer and self.answer.done < 1:
                        self.ask()  # continue the search for images that was cancelled
        if self._is_outdated and not self._is_asking:
            self._ask_of_newest()
        self.redraw()

    def give_up(self, reason: str) -> None:
        self._is_asking = self._is_outdated = self._score_due = False

    def _ask_of_newest(self) -> None:
        self._score_due, self._is_outdated, self._is_renewing = bool(self.off), False, True
        self.ask_newest()

    def _ask_score(self) -> None:
        self._score_due = True
        self.ask(ScoreWithoutUnits(self.off))

    def reset(self) -> None:
        self.answer = None
        self.redraw()

    def _describe(self, answer: LayersExplained) -> None:
        """Request the kinds of the layers, once."""
        if answer.arch and answer.arch != self._described and self._network() is None:
            self._described = answer.arch
            app_of(self.screen).send(DescribeNetwork(answer.arch, len(answer.digit.class_names)))

    def _network(self) -> NetworkDescribed | None:
        found = self.answer
        if found is None:
            return None
        return self._view.app_state.network_of(found.arch, len(found.digit.class_names))

    def _follow_run(self, before: RunState, after: RunState) -> None:
        if before.started is not after.started:
            self.unit, self.off, self.scored = None, (), None  # of another network
            self._is_outdated = False
        is_newer = before.evaluation is not after.evaluation and after.evaluation is not None
        if is_newer and self.off and self.display and self._view.opened_path is None:
            if self._is_asking:  # epochs may be shorter than an answer takes
                self._is_outdated = True
            else:
                self._ask_of_newest()

    # Choosing

    @property
    def _outputs(self) -> tuple[LayerOutput, ...]:
        return self.answer.outputs if self.answer else ()

    @property
    def _place(self) -> int:
        """The place of the layer of the chosen unit among the outputs."""
        names = [each.name for each in self._outputs]
        return names.index(self.unit.layer) if self.unit and self.unit.layer in names else 0

    def move(self, rows: int, columns: int) -> bool:
        if self._outputs:
            if rows:
                self._choose_layer(self._place + rows)
            else:
                self._choose_unit((self.unit.number if self.unit else 0) + columns)
        return True

    def move_to_end(self, *, last: bool) -> None:
        if self._outputs:
            self._choose_unit(self._outputs[self._place].shape[0] - 1 if last else 0)

    def _choose_layer(self, place: int) -> None:
        place = min(max(0, place), len(self._outputs) - 1)
        if place != self._place:
            self._choose(Unit(self._outputs[place].name, 0))

    def _choose_unit(self, number: int) -> None:
        output = self._outputs[self._place]
        self._choose(Unit(output.name, min(max(0, number), output.shape[0] - 1)))

    def _choose(self, unit: Unit) -> None:
        if unit != self.unit:
            self.unit = unit
            self._ask_again()

    def _ask_again(self) -> None:
        self._score_due = False
        self.redraw()
        self.ask()

    @on(LayerList.Selected)
    def _select_layer(self, message: LayerList.Selected) -> None:
        self._choose_layer(message.place)

    @on(UnitOutputs.Selected)
    def _select_unit(self, message: UnitOutputs.Selected) -> None:
        self._choose_unit(message.unit)

    @on(ExcitingDigits.Selected)
    def _explain(self, message: ExcitingDigits.Selected) -> None:
        self.post_message(self.Explain(message.digit))

    def open(self) -> None:
        """Explain the image that excites the unit most."""
        if self.answer and self.answer.exciting and self.answer.unit == self.unit:
            self.post_message(self.Explain(self.answer.exciting[0]))

    def action_go_to(self) -> None:
        from tui.screens.number_dialogs import GotoUnitDialog

        def go(number: int | None) -> None:
            if number is not None:
                self._choose_unit(number)

        if self._outputs:
            units = self._outputs[self._place].shape[0]
            self.app.push_screen(GotoUnitDialog(units), go)

    # Switching off

    def action_switch(self, what: str) -> None:
        """Switch the chosen "unit" off or on again, or "all" on."""
        unit, before = self.unit, self.off
        if what == "all":
            self.off = ()
        elif unit and unit not in before and len(before) >= MOST_OFF:
            how = "switch another one on again with Z, or all with O"
            self.notify(f"At most {MOST_OFF} units can be off: {how}.", severity="warning")
        elif unit and unit.layer != INPUT_LAYER:
            others = tuple(each for each in before if each != unit)
            self.off = others if unit in before else (*before, unit)
        if self.off != before:
            self._ask_again()

    def action_evaluate(self) -> None:
        """Evaluate the network without the units, beside the one with them."""
        if self.off:
            self._ask_score()

    # Display

    def on_resize(self) -> None:
        width, height = self.size
        self.set_class(width >= WIDE and height >= TALL, "-large")
        self.set_class(width >= HUGE_WIDTH and height >= HUGE_HEIGHT, "-huge")

    def show(self) -> None:
        layers, outputs = self.query_one(LayerList), self.query_one(UnitOutputs)
        weights, exciting = self.query_one(UnitWeights), self.query_one(ExcitingDigits)
        found, unit = self.answer, self.unit
        layers.outputs, layers.network, layers.off = self._outputs, self._network(), self.off
        layers.selected = self._place
        layers.styles.max_height = max(1, len(self._outputs))
        output = self._outputs[self._place] if self._outputs else None
        number = unit.number if unit else 0
        outputs.unit = weights.unit = number
        outputs.placeholder = "Reading outputs…"
        outputs.digit = found.without if found else None
        outputs.off = frozenset(
            each.number for each in self.off if unit and each.layer == unit.layer
        )
        outputs.is_last = bool(found) and self._place == len(self._outputs) - 1
        outputs.output = output
        is_same = found is not None and unit == found.unit
        is_layer = found is not None and unit is not None and unit.layer == found.unit.layer
        weights.images = found.weights if found and is_layer else None
        weights.placeholder = "Reading weights…"
        # A layer without weights of its own leaves their space to its outputs.
        self.query_one("#unit").display = weights.images is not None or not is_same
        exciting.heading = HEADING if unit and output else ""
        exciting.values = found.excitations if found and is_same else ()
        exciting.digits = found.exciting if found and is_same else ()
        exciting.placeholder = self._missing_images(found) if is_same else "Searching…"
        is_large = self.has_class("-large")
        set_text(self, "#chosen", unit_line(found, unit, output, self.off, is_large=is_large))
        set_text(
            self,
            "#effect",
            effect_lines(found, self.digit.label, self.off, self.scored, self.size.width),
        )

    def _missing_images(self, found: LayersExplained | None) -> str:
        if found and found.done >= 1:
            return "The test images are not on this machine, so none can be searched."
        return "Searching for the test images with the largest output…"
