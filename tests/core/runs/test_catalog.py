"""Tests of listing runs while others write, delete and end."""

from core.config import TrainConfig
from core.events import RunFailed
from core.runs import catalog, description, run_writer
from core.runs.catalog import scan_runs


def test_file_deleted_while_listed_is_left_out(tmp_path, monkeypatch):
    config = TrainConfig(arch="linear", checkpoints=str(tmp_path))
    with run_writer.create(config, "sample", "cpu") as run:
        pass
    for name in ("kept", "gone"):
        (run.folder / f"{name}.safetensors").write_bytes(b"broken")
    real = catalog.read_checkpoint_file

    def late(path, *more):
        if path.stem == "gone":
            path.unlink()
        return real(path, *more)

    monkeypatch.setattr(catalog, "read_checkpoint_file", late)
    (listed,) = scan_runs(tmp_path)
    assert [each.path.stem for each in listed.checkpoints] == ["kept"]


def test_run_ending_while_listed_is_not_interrupted(tmp_path, monkeypatch):
    config = TrainConfig(arch="linear", checkpoints=str(tmp_path))
    with run_writer.create(config, "sample", "cpu") as run:
        real = description.is_live

        def late(folder, described):
            run.record(RunFailed(reason="diverged", message="it did"))
            run.__exit__(None, None, None)
            return real(folder, described)

        monkeypatch.setattr(description, "is_live", late)
        (listed,) = scan_runs(tmp_path)
    assert listed.status == "failed"
