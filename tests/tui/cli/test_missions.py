"""`mnist-tui missions`: the list with its progress, missions of a teacher, and bad input."""

import json
from functools import partial

import pytest

from tests.support.missions import GOOD, write
from tui.missions.loader import list_missions
from tui.missions.progress import begin, note_done, progress_file

MISSIONS = list_missions()[0]


@pytest.fixture
def call(in_process):
    """Return a function that runs `missions` and returns status, stdout and stderr."""
    return partial(in_process, "missions")


def test_list_has_every_mission_and_what_is_done(call):
    begin(MISSIONS[0])
    note_done(MISSIONS[0])
    begin(MISSIONS[1])
    status, out, err = call("list", "--json")
    rows = json.loads(out)
    assert (status, err) == (0, "")
    assert [(each["number"], each["title"]) for each in rows] == [
        (each.number, each.title) for each in MISSIONS
    ]
    assert [each["done"] for each in rows] == [True, *[False] * (len(MISSIONS) - 1)]
    assert [each["in_progress"] for each in rows][:3] == [False, True, False]
    assert isinstance(rows[0]["done_at"], float)
    lines = call()[1].splitlines()
    assert "Pure guessing" in lines[1]
    assert "done 20" in lines[1]
    assert "in progress" in lines[2]


def test_damaged_progress_is_one_line_and_the_list_is_printed(call):
    begin(MISSIONS[0])
    with progress_file().open("ab") as file:
        file.write(b"{\n")
    status, out, err = call("--json")
    assert (status, len(json.loads(out))) == (0, len(MISSIONS))
    assert err.endswith(
        "missions.jsonl is damaged: 1 line of it cannot be read, the others are used.\n"
    )
    assert err.count("\n") == 1


def test_missions_of_a_teacher_are_listed_and_a_fault_is_named(call, tmp_path):
    write(tmp_path, GOOD)
    broken = write(tmp_path, GOOD.replace("right = 1", "right = 9"), "02-broken.toml")
    status, out, err = call("list", "--from", str(tmp_path), "--json")
    assert (status, [each["title"] for each in json.loads(out)]) == (1, ["Rates"])
    why = "question.right: must be the number of a choice, 1 to 2"
    assert err == f"mnist-tui: {broken}: {why}\n"


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (("start", "1"), 1, "a mission needs the app, and there is none: stdin is not a terminal"),
        (("start", "77"), 2, "there is no mission 77; the missions are 1, 2, "),
        (("start", "one"), 2, "valid integer"),
        (("start",), 2, "Missing argument 'N'"),
        (("list", "--from", "nowhere"), 1, "nowhere cannot be read (No such file or directory)"),
        (("list", "--from", ""), 2, "--from must name a folder"),
        (("--from", "a", "start", "1"), 2, "mnist-tui missions start --from …"),
    ],
)
def test_bad_input_is_one_line(call, monkeypatch, arguments, status, why):
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    found, out, err = call(*arguments)
    assert (found, out, err.count("\n")) == (status, "", 1)
    assert why in err


def test_start_opens_the_app_with_the_settings_of_the_mission(call, monkeypatch):
    opened = {}

    def run_app(config, **options):
        opened.update(options, config=config)
        return 0

    monkeypatch.setattr("tui.cli.missions.why_no_app", lambda: "")
    monkeypatch.setattr("tui.cli.start_app.run_app", run_app)
    assert call("start", "3", "--checkpoints", "here", "--slow-link") == (0, "", "")
    assert (opened["mission"], opened["slow"]) == (MISSIONS[2], True)
    config = opened["config"]
    assert (config.dataset, config.checkpoints, config.learning_rate) == ("sample", "here", 1e-3)
