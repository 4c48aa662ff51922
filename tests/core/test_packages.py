"""The command that installs a package fits how the program was installed."""

import sys

import pytest

from core.packages import install_command


@pytest.mark.parametrize(
    ("sign", "install", "upgrade"),
    [
        (
            "pipx_metadata.json",
            "pipx inject mnist-tui pillow-heif",
            "pipx runpip mnist-tui install --upgrade pillow",
        ),
        (
            "uv-receipt.toml",
            "uv pip install --python mnist-tui pillow-heif",
            "uv pip install --python mnist-tui --upgrade pillow",
        ),
        (
            "bin/python",  # a virtual environment that is not activated
            "mnist-tui/bin/python -m pip install pillow-heif",
            "mnist-tui/bin/python -m pip install --upgrade pillow",
        ),
    ],
)
def test_command_fits_the_installation(tmp_path, monkeypatch, sign, install, upgrade):
    prefix = tmp_path / "mnist-tui"
    (prefix / "bin").mkdir(parents=True)
    (prefix / sign).write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(sys, "executable", str(prefix / "bin" / "python"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    assert install_command("pillow-heif") == install
    assert install_command("pillow", upgrade=True) == upgrade
    if sign == "bin/python":
        monkeypatch.setenv("VIRTUAL_ENV", str(prefix))
        assert install_command("onnx", "onnxscript") == "pip install onnx onnxscript"


def test_command_is_whole_in_a_deleted_folder(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    expected = f"{tmp_path}/bin/python -m pip install mlxtend"
    assert install_command("mlxtend") == expected
