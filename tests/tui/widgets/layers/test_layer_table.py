"""The table of layers."""

from core.models.summary import describe_network
from tests.support.fakes import fake_inspection
from tui.widgets.layers.layer_table import layer_columns, training_columns


def test_table_adds_up_and_marks_problems():
    network, inspected = describe_network("mlp"), fake_inspection(7, paused=False)
    known = layer_columns(network)
    assert known["layer"].cells[:2] == ("input", "flatten")
    assert known["parameters"].cells[-1] == "669,706"
    assert known["mult-adds"].cells[2] == "401,408"
    live = training_columns(network, inspected, inspected)
    assert live["update"].cells[2::2] == ("5e-2 ▲ large", "1e-3", "1e-5 ▼ small")
    dead = live["dead ReLUs"].cells
    assert (dead[3].strip(), dead[5].strip()) == ("75% ▲ many", "0% none")
    assert live["update, dead"].cells[2:4] == ("5e-2 ▲ large", "dead 75% ▲ many")
    assert live["gradient"].cells[-1] == "0.43"
    unwatched = training_columns(network, fake_inspection(8, paused=True), None)
    assert "update" not in unwatched, "nothing is known of it"
