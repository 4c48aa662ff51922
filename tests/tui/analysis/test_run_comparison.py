"""Settings and metrics of runs and checkpoints beside one another."""

from core.checkpoints.header import CheckpointInfo
from tui.analysis.run_comparison import comparison_rows, config_differences


def test_changed_settings_keep_their_order():
    """Where runs are stored is no setting; True is not 1."""
    one = {"arch": "mlp", "seed": 1, "epochs": 3, "checkpoints": "a"}
    other = {"arch": "mlp", "seed": True, "epochs": 3, "checkpoints": "b", "shift": 2}
    differences = config_differences([one, other])
    assert list(differences.items()) == [("seed", [1, True]), ("shift", [None, 2])]


def test_unreadable_header_is_a_dash():
    """The rows are the metrics of the headers, and after an empty one the settings that differ."""
    infos = [
        CheckpointInfo(
            run="a", arch="mlp", dataset="sample", config={"arch": "mlp", "seed": seed}, epoch=1,
            step=10, test_loss=0.5, test_accuracy=0.9, parameters=7850, saved_at=0.0,
        )
        for seed in (1, 2)
    ]  # fmt: skip
    rows, are_same = comparison_rows([infos[0], None, infos[1]])
    assert ("step", ["10", "–", "10"]) in rows
    assert rows[rows.index(("", [])) + 1 :] == [("seed", ["1", "–", "2"])]
    assert not are_same
    assert comparison_rows([infos[0], infos[0]])[1]
