"""Settings and metrics of runs and checkpoints beside one another."""

from tui.analysis.run_comparison import ConfigDifference, config_differences


def test_changed_settings_keep_their_order():
    """Where runs are stored is no setting; True is not 1."""
    one = {"arch": "mlp", "seed": 1, "epochs": 3, "checkpoints": "a"}
    other = {"arch": "mlp", "seed": True, "epochs": 3, "checkpoints": "b", "shift": 2}
    assert config_differences([one, other]) == [
        ConfigDifference("seed", (1, True)),
        ConfigDifference("shift", (None, 2)),
    ]
