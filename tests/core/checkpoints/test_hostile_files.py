"""Files by somebody else's hand: what is wrong with one of them is a row, and its text harmless."""

import shutil
import sys

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.runs import manage
from core.runs import watch as watching
from core.runs.catalog import list_checkpoints, read_run_info
from core.runs.event_reader import read_events
from core.runs.watch import Watch
from tests.support.checkpoints import INFO
from tui.cli import main as cli
from tui.cli.output.checkpoint_table import print_checkpoints
from tui.text.formats import truncate


@pytest.fixture
def folder_of_runs(tmp_path):
    folder = tmp_path / "runs"
    (folder / "whole").mkdir(parents=True)
    checkpoints.save(folder / "whole" / "last.safetensors", {"x": torch.zeros(1)}, INFO)
    (folder / "whole" / "run.json").write_text('{"status": "finished"}')
    (folder / "whole" / "events.jsonl").touch()
    return folder


BEYOND = "1" + "0" * 400
FLOODS = {
    "shape": f'{{"a":{{"dtype":"F32","shape":[{BEYOND},0.5],"data_offsets":[0,4]}}}}',
    "offsets": '{"a":{"dtype":"F32","shape":[1],"data_offsets":["\\u001b[31m",4]}}',
}


@pytest.mark.parametrize("header", FLOODS.values(), ids=FLOODS)
def test_one_hostile_header_leaves_the_rest_of_a_list(folder_of_runs, header, capsys):
    text = header.encode()
    hostile = folder_of_runs / "hostile" / "last.safetensors"
    hostile.parent.mkdir()
    hostile.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    listed = {each.run: each for each in list_checkpoints(folder_of_runs)}
    assert listed["whole"].info
    assert listed["hostile"].error
    assert dict(Watch(folder_of_runs).look()).keys() == {"hostile", "whole"}
    print_checkpoints(list(listed.values()))
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("line", ['"confusion": 5', f'"test_loss": {BEYOND}', '"epoch": [1]'])
def test_a_line_that_means_nothing_is_passed_over(folder_of_runs, line):
    place = folder_of_runs / "whole"
    told = '{"event": "evaluated", "time": 1.0, "epoch": 1, "step": 1, "test_loss": 1.0, '
    (place / "events.jsonl").write_text(told + '"test_accuracy": 0.5, ' + line + "}\n")
    assert list(read_events(place)) == [None]


def test_a_status_that_there_is_none_of_is_unknown(folder_of_runs):
    (folder_of_runs / "whole" / "run.json").write_text('{"status": "\\u001b[5;5Hhacked"}')
    assert read_run_info(folder_of_runs / "whole").status == "unknown"


def test_pruning_all_of_one_folder_leaves_the_runs_here_alone(
    folder_of_runs, monkeypatch, tmp_path
):
    here = tmp_path / "here"
    shutil.copytree(folder_of_runs, here)
    for place in (here, folder_of_runs):
        file = place / "whole" / "last.safetensors"
        shutil.copy(file, file.with_name("epoch-001.safetensors"))
    monkeypatch.chdir(here)
    monkeypatch.setattr(
        sys, "argv", ["x", "runs", "prune", "--all", "--checkpoints", str(folder_of_runs)]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert (here / "whole" / "epoch-001.safetensors").exists()
    assert not (folder_of_runs / "whole" / "epoch-001.safetensors").exists()


def test_what_leaves_a_run_as_old_as_it_was_is_seen_all_the_same(folder_of_runs, monkeypatch):
    monkeypatch.setattr(watching, "UNSETTLED_SECONDS", -1.0)
    watch = Watch(folder_of_runs)
    assert [name for name, _ in watch.look()] == ["whole"]
    assert [name for name, _ in watch.look()] == []
    manage.set_note(folder_of_runs / "whole", "seen")
    ((name, watched),) = watch.look()
    assert (name, watched.note) == ("whole", "seen")


def test_truncate_fits_the_width():
    assert truncate("abcdef", 4) == "abc…"
    assert truncate("abcd", 4) == "abcd"
    assert truncate("漢字漢", 4) == "漢 …"
    assert truncate("abc", 0) == truncate("abc", -3) == ""
