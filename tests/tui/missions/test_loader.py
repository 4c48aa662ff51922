"""Missions are read from TOML files, and a fault names file, key and reason."""

import copy
import json
import re
from contextlib import suppress
from tomllib import loads

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import TrainConfig
from tests.support.cli import ROOT
from tests.support.missions import GOOD, write
from tui.missions.loader import KEYS, TASKS, MissionError, list_missions, load_mission
from tui.missions.metrics import METRICS
from tui.missions.mission import SETTINGS

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
    ('{ dataset = "sample", epochs = 1 }\nopen', "{}\nopen", "runs[2].fixed.dataset: is missing: "),
    ("to = 0.00001", "to = 0.001", "open.learning_rate: starts at the value that it must come to"),
    ("to = 0.00001", "to = 'a'", "runs[2].open.learning_rate: must be a number above 0"),
    ("to = 0.00001", f"to = '{'x' * 3000}'", f"such as 0.001, not '{'x' * 60}…'"),
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


def test_document_has_every_metric_and_setting_and_its_example_is_read(tmp_path):
    text = (ROOT / "docs" / "missions.md").read_text(encoding="utf-8")
    table = text.partition("| metric |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
    assert rows == {name: each.title for name, each in METRICS.items()}
    listed = text.partition("in `run.json`:")[2].partition(". The dataset")[0]
    assert tuple(re.findall(r"`(\w+)`", listed)) == SETTINGS
    example = text.partition("```toml\n")[2].partition("```")[0]
    mission = load_mission(write(tmp_path, example, "01-momentum.toml"))
    assert mission.run("rolling").solved_config(TrainConfig()).momentum == 0.9
    keys = text.partition("| key |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `\[*(\w+)", keys, re.MULTILINE)) == set(KEYS)


def test_own_missions_are_right():
    missions, faults = list_missions()
    assert not faults
    assert [each.number for each in missions] == sorted({each.number for each in missions})
    assert len(missions) == len(list(TASKS.glob("*.toml")))


def as_toml(value) -> str:
    """Return a value as TOML writes it in one line."""
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
        case float():
            return repr(value)
    return json.dumps(value).replace("\\ud", "\\u0").replace("\x7f", "\\u007f")


def places(value, path=()):
    """Yield the path of each value in nested tables and lists."""
    yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, each in value.items() if isinstance(value, dict) else ():
        yield from places(each, (*path, key))


TABLE = loads(GOOD)
PLACES = [each for each in places(TABLE) if each]
SCALARS = (
    st.none().map(lambda _: {})
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["fast.steps", "mlp", "fast", "{fast.steps}", "{", "learning_rate", 10**400])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
def test_any_values_give_a_mission_or_one_line(tmp_path_factory, changes):
    table = copy.deepcopy(TABLE)
    for path, value in changes:
        place = table
        with suppress(LookupError, TypeError):
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
    text = "".join(f"{json.dumps(key)} = {as_toml(value)}\n" for key, value in table.items())
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    path = write(folder, text)
    missions, faults = list_missions(path.parent)
    assert len(missions) + len(faults) == 1
    for fault in faults:
        assert str(path.parent) in fault
        assert fault.isprintable()
        assert len(fault) < 1000
    for run in [each for mission in missions for each in mission.runs]:
        run.solved_config(run.start_config(TrainConfig()))


@given(st.binary(max_size=200))
def test_any_bytes_give_one_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "01-bytes.toml"
    path.write_bytes(content)
    with pytest.raises(MissionError) as error:
        load_mission(path)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["rates.toml", "1-rates.toml", "01-Rates.toml", "01-.toml"])
def test_other_file_names_are_refused(tmp_path, name):
    with pytest.raises(MissionError, match="a mission's file is called NN-NAME"):
        load_mission(write(tmp_path, GOOD, name))


def test_folder_without_a_mission_is_refused(tmp_path):
    with pytest.raises(MissionError, match="has no missions"):
        list_missions(tmp_path)
    (tmp_path / "01-rates.toml").mkdir()
    missions, (fault,) = list_missions(tmp_path)
    assert missions == ()
    assert fault.endswith("01-rates.toml cannot be read (is a folder)")


def test_two_missions_of_one_number_are_a_fault(tmp_path):
    write(tmp_path, GOOD, "01-a.toml")
    write(tmp_path, GOOD, "01-b.toml")
    missions, (fault,) = list_missions(tmp_path)
    assert [each.name for each in missions] == ["a"]
    assert fault.endswith("01-b.toml: another mission has number 01")
