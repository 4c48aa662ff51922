"""Progress with missions: kept by several programs at once, damaged files, missing runs."""

from threading import Thread

import pytest

from core.event_json import as_json
from core.runs.layout import EVENTS_FILE
from tests.support.events import STARTED
from tui.missions.loader import list_missions
from tui.missions.progress import (
    begin,
    note_done,
    note_prediction,
    note_run,
    progress_file,
    read_progress,
    read_runs,
)

MISSION = list_missions()[0][0]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def progress():
    found, problem = read_progress()
    assert problem is None
    return found[MISSION.key]


def test_mission_left_in_the_middle_keeps_its_runs(tmp_path):
    assert read_progress() == ({}, None)
    folder = tmp_path / "mlp-1"
    folder.mkdir()
    (folder / EVENTS_FILE).write_text(as_json(STARTED) + "\n")
    for problem in (begin(MISSION), note_prediction(MISSION, 2), note_run(MISSION, str(folder))):
        assert problem is None
    note_run(MISSION, str(tmp_path / "deleted"))
    assert progress().can_continue
    assert progress().choice == 2
    (state,) = read_runs(progress())
    assert state.started.folder == str(folder)


def test_done_mission_stays_done_when_it_begins_again():
    begin(MISSION)
    note_done(MISSION)
    done = progress().done
    assert done
    assert not progress().can_continue
    begin(MISSION)
    assert (progress().done, progress().can_continue, progress().runs) == (done, True, ())


def test_programs_that_note_at_once_lose_nothing():
    def play(program: int) -> None:
        for run in range(20):
            note_run(MISSION, f"/runs/{program}-{run}")

    programs = [Thread(target=play, args=(number,)) for number in range(4)]
    for each in programs:
        each.start()
    for each in programs:
        each.join()
    assert sorted(progress().runs) == sorted(f"/runs/{p}-{r}" for p in range(4) for r in range(20))


DAMAGED = [
    *(b"{", b"[]", b"null", b"\xff\xfe", b"1", b"[" * 2000, b"{}", b'"x"', b'{"mission": []}'),
    b'{"time": NaN, "mission": "pure-guessing", "what": "done"}',
    b'{"time": 1, "mission": "pure-guessing", "what": "predicted", "choice": -1}',
    b'{"time": 1, "mission": "pure-guessing", "what": "run", "folder": "\\u0000"}',
    b'{"time": 1, "mis',
]


def test_damaged_lines_are_reported_and_nothing_is_lost():
    begin(MISSION)
    with progress_file().open("ab") as file:
        file.write(b"\n".join(DAMAGED))
    note_done(MISSION)
    found, problem = read_progress()
    assert found[MISSION.key].done
    where = progress_file()
    many = f"{len(DAMAGED)} lines of it cannot be read"
    assert problem == f"{where} is damaged: {many}, the others are used."
    assert DAMAGED[0] in where.read_bytes()


def test_folder_in_the_way_is_one_clear_line():
    progress_file().mkdir(parents=True)
    folder = progress_file().parent
    assert begin(MISSION) == f"The progress is not kept in {folder}: missions.jsonl is a folder."
    assert read_progress()[1].startswith(f"The progress in {progress_file()} cannot be read: ")
