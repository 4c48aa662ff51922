"""Tests of the table of checkpoints."""

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.runs.catalog import list_checkpoints
from core.runs.watch import Watch
from tests.support.checkpoints import INFO
from tui.cli.output.checkpoint_table import print_checkpoints

HOSTILE = {
    "shape": f'{{"a":{{"dtype":"F32","shape":[1{"0" * 400},0.5],"data_offsets":[0,4]}}}}',
    "offsets": '{"a":{"dtype":"F32","shape":[1],"data_offsets":["\\u001b[31m",4]}}',
}


@pytest.mark.parametrize("header", HOSTILE.values(), ids=HOSTILE)
def test_hostile_header_leaves_the_other_rows(tmp_path, header, capsys):
    """The broken file is a row with its fault, in which no escape sequence survives."""
    for name in ("hostile", "whole"):
        (tmp_path / name).mkdir()
    checkpoints.save(tmp_path / "whole" / "last.safetensors", {"x": torch.zeros(1)}, INFO)
    content = len(header).to_bytes(8, "little") + header.encode() + bytes(4)
    (tmp_path / "hostile" / "last.safetensors").write_bytes(content)
    listed = {each.run: each for each in list_checkpoints(tmp_path)}
    assert listed["whole"].info
    assert listed["hostile"].error
    assert dict(Watch(tmp_path).look()).keys() == {"hostile", "whole"}
    print_checkpoints(list(listed.values()))
    assert "\x1b" not in capsys.readouterr().out
