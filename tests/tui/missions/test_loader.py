"""Missions are read from TOML files, and a fault names file, key and reason."""

import pytest

from core.config import TrainConfig
from tests.support.missions import GOOD, write
from tui.missions.loader import TASKS, MissionError, list_missions, load_mission

FAULTS = [
    ('title = "Rates"', "", "title: is missing"),
    ('title = "Rates"', "title = 3", "title: must be a text, not 3"),
    ('title = "Rates"', 'titel = "Rates"', "titel: is not a key of a mission; did you mean title?"),
    ('title = "Rates"', 'title = "a\\u001b[31m"', "title: must not have control characters"),
    ('title = "Rates"', f'title = "{"a" * 41}"', "title: is too long: 41 characters, at most 40"),
    ("minutes = 2", "minutes = true", "minutes: must be a number, not true"),
    ("minutes = 2", "minutes = nan", "minutes: must be a finite number, not nan"),
    ("minutes = 2", "minutes = 1e999", "minutes: must be a finite number, not inf"),
    ('["one", "two"]', '["one"]', "hints: must be a list of 2 texts, not a list of 1"),
    ('["One.", "Two.", "Three."]', '"One."', "explanation: must be a list of 3 texts, not 'One.'"),
    ('"fast", "slow"]', '"a", "b", "c", "d", "e"]', "choices: must be a list of 2 to 4 texts"),
    ('"fast", "slow"]', '"a", "a"]', "question.choices: two are the same"),
    ("right = 1", "right = 3", "question.right: must be the number of a choice, 1 to 2"),
    ("right = 1", "right = 1.0", "question.right: must be the number of a choice, 1 to 2"),
    ('name = "slow"', 'name = "fast"', "runs: two are called fast"),
    ('name = "slow"', 'name = "Slow one"', "runs[2].name: must be a name of lowercase letters"),
    ("epochs = 1 }\nopen", "epoch = 1 }\nopen", "runs[2].fixed.epoch: is not a setting; did you"),
    ("epochs = 1 }\nopen", "device = 'cpu' }\nopen", "runs[2].fixed.device: is not a setting"),
    ("epochs = 1 }\nopen", "epochs = 0 }\nopen", "runs[2].fixed.epochs: must be a whole number"),
    ("epochs = 1 }\nopen", "epochs = '1' }\nopen", "runs[2].fixed.epochs: must be a whole number"),
    ("epochs = 1 }\nopen", "arch = 'x.py:N' }\nopen", "fixed.arch: must not name a Python file"),
    ("epochs = 1 }\nopen", "arch = 'linaer' }\nopen", "runs[2].fixed.arch: must be one of linear"),
    ('dataset = "sample", epochs = 1 }\nopen', 'dataset = "mnits" }\nopen', "dataset: must be one"),
    ("epochs = 1 }\nopen", "learning_rate = 1 }\nopen", "learning_rate: is fixed as well as open"),
    ("to = 0.00001", "to = 0.001", "open.learning_rate: starts at the value that it must come to"),
    ("to = 0.00001", "to = 'a'", "runs[2].open.learning_rate: must be a number above 0"),
    ("to = 0.00001", "", "runs[2].open.learning_rate: needs one of: to, among, or least and most"),
    ("to = 0.00001", "to = 1, least = 1", "learning_rate: needs one of: to, among, or least"),
    ("to = 0.00001", "least = 1, most = 0.1", "learning_rate: least is above most"),
    ("to = 0.00001", "among = []", "open.learning_rate.among: must be a list of 1 to 8 values"),
    ('value = "fast.test', 'value = "fats.test', "checks[1].value: there is no run 'fats'; the"),
    ('value = "fast.test_accuracy', 'value = "fast.accuracy', "did you mean test_accuracy?"),
    ('value = "fast.test_accuracy', 'value = "fast', "value: must be RUN.METRIC, such as fast."),
    ("above = 0.1", "above = 1", "checks[1].above: can never hold: the value is -1 to 1"),
    ("above = 0.1", "below = -1", "checks[1].below: can never hold: the value is -1 to 1"),
    ("above = 0.1", "equals = 2", "checks[1].equals: can never hold: the value is -1 to 1"),
    ("above = 0.1", "above = 0.1\nbelow = 0.1", "above: can never hold: it is not less than below"),
    ("above = 0.1", "above = -1.5", "checks[1]: always holds: the value is -1 to 1"),
    ("above = 0.1", "", "checks[1]: needs above, below or both, or equals alone"),
    ("above = 0.1", "above = 0.1\nequals = 0", "checks[1]: needs above, below or both, or equals"),
    ("above = 0.1", "divided_by = 'a.b'\nabove = 1", "divided_by: cannot be used with minus"),
    ("{gap} more", "{gab} more", "happened: {gab}: must be RUN.METRIC, such as fast.test_accuracy"),
    ("{gap} more", "{gap more", "happened: has a brace without its other one"),
    ("[question]", "[question", "is not TOML: "),
]


def test_good_file_is_read(tmp_path):
    mission = load_mission(write(tmp_path, GOOD))
    assert (mission.number, mission.name, mission.question.right) == (1, "rates", 0)
    assert mission.run("slow").start_config(TrainConfig()).learning_rate == 1e-3
    assert mission.run("slow").solved_config(TrainConfig()).learning_rate == 1e-5


@pytest.mark.parametrize(("old", "new", "why"), FAULTS)
def test_fault_names_file_key_and_reason(tmp_path, old, new, why):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(MissionError) as error:
        load_mission(path)
    text = str(error.value)
    assert why in text
    assert str(path) in text
    assert text.isprintable()


def test_own_missions_are_right():
    missions, faults = list_missions()
    assert not faults
    assert [each.number for each in missions] == sorted({each.number for each in missions})
    assert len(missions) == len(list(TASKS.glob("*.toml")))
