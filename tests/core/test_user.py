"""The user's folders and name, also for a user without a home, a name or a writable folder."""

import getpass
import json
import os
import pwd
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from core import user
from core.data.datasets import find_dataset
from core.doctor.storage import judge_home
from tests.support import preloaded
from tests.support.app import app_in, until
from tests.support.cli import environment_in
from tui.preferences import load_preferences, preferences_file, save_preferences

VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", *user.NAME_VARIABLES)
# What a process of a number does that is not in the user database.
NAMELESS = """
import os, pwd, sys
def unknown(number): raise KeyError(number)
pwd.getpwuid = unknown
from tui.cli.main import main
main()
"""


@pytest.fixture
def nameless(monkeypatch, tmp_path):
    """A user without HOME who is not in the user database, with a temporary folder of the test's;
    return that folder."""

    def unknown(number):
        raise KeyError(number)

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(user, "_reported", set())
    forget()
    yield tmp_path
    forget()


def forget():
    """Look for the private folder anew, as the next process does."""
    user._private_folder.cache_clear()


def own(folder) -> Path:
    return folder / f"mnist-tui-{os.getuid()}"


def test_user_without_home_gets_a_private_folder(nameless, caplog):
    assert user.cache_folder() == own(nameless) / "cache"
    assert user.config_folder() == own(nameless) / "config"
    assert stat.S_IMODE(own(nameless).stat().st_mode) == 0o700
    assert caplog.messages == [
        "mnist-tui: this user has no home folder: preferences and downloads are kept in "
        f"{own(nameless)}; to choose others, set XDG_CACHE_HOME and XDG_CONFIG_HOME"
    ]


def test_missing_platformdirs_gives_a_private_folder(nameless, monkeypatch):
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert user.cache_folder() == own(nameless) / "cache"
    assert user.explain_replaced() == (
        "the package platformdirs is not installed: preferences and downloads are kept in "
        f"{own(nameless)}; install it"
    )


def test_private_folder_keeps_preferences(nameless):
    preferences, _ = load_preferences()
    assert save_preferences(preferences) is None
    assert own(nameless) in preferences_file().parents
    assert load_preferences()[1] is None


def test_doctor_reports_a_missing_home(nameless, caplog):
    (check,) = judge_home()
    assert (check.name, check.verdict) == ("home", "warning")
    assert check.what.startswith("this user has no home folder: ")
    user.cache_folder()
    assert caplog.messages == [], "it was reported already"


def test_folders_of_the_environment_come_first(nameless, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(nameless / "here"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(nameless / "there"))
    monkeypatch.setenv("XDG_DATA_HOME", str(nameless / "data"))
    assert user.cache_folder() == nameless / "here" / "mnist-tui"
    assert user.config_folder() == nameless / "there" / "mnist-tui"
    assert user.data_folder() == nameless / "data" / "mnist-tui"
    assert list(judge_home()) == []
    assert list(nameless.iterdir()) == []


def test_home_that_cannot_be_written_is_replaced(nameless, monkeypatch):
    (nameless / "file").touch()
    monkeypatch.setenv("HOME", str(nameless / "file" / "home"))
    assert user.cache_folder() == own(nameless) / "cache"
    why = f"{nameless}/file/home/.cache/mnist-tui cannot be written (Not a directory): "
    assert user.explain_replaced().startswith(why)


def test_data_folder_alone_is_replaced_with_a_message(nameless, monkeypatch, caplog):
    monkeypatch.setenv("HOME", str(nameless / "home"))
    (nameless / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(nameless / "file" / "data"))
    assert user.data_folder() == own(nameless) / "data"
    assert caplog.messages == [
        f"mnist-tui: {nameless}/file/data/mnist-tui cannot be written (Not a directory): "
        f"drawings and scores are kept in {own(nameless)}; to choose others, set XDG_DATA_HOME"
    ]


def test_downloads_alone_are_replaced_silently(nameless, monkeypatch, caplog):
    """Who saves a picture is shown where it is; preferences are in their usual folder."""
    (nameless / "Downloads").touch()
    monkeypatch.setenv("HOME", str(nameless))
    assert user.downloads_folder() == own(nameless) / "downloads"
    assert caplog.messages == []
    assert list(judge_home()) == []


def test_home_that_does_not_exist_is_created_later(nameless, monkeypatch):
    monkeypatch.setenv("HOME", str(nameless / "home"))
    assert user.cache_folder() == nameless / "home" / ".cache" / "mnist-tui"


def test_files_in_a_read_only_home_are_used(nameless, monkeypatch):
    raw = nameless / ".cache" / "mnist-tui" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(nameless))
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    assert find_dataset("mnist").find_folder(None) == raw
    assert user.cache_folder() == own(nameless) / "cache"


def plant_link(place, elsewhere):
    elsewhere.mkdir()
    place.symlink_to(elsewhere)


def plant_file(place, elsewhere):
    place.touch()


def plant_open_folder(place, elsewhere):
    place.mkdir()
    place.chmod(0o777)


def plant_folder_of_another_user(place, elsewhere):
    place.mkdir(mode=0o700)
    if os.getuid():
        pytest.skip("only root can give a folder to another user")
    os.chown(place, 12345, 12345)


@pytest.mark.parametrize(
    "plant", [plant_link, plant_file, plant_open_folder, plant_folder_of_another_user]
)
def test_planted_folder_is_not_used(nameless, plant):
    plant(own(nameless), nameless / "elsewhere")
    folder = user.cache_folder().parent
    assert folder.name.startswith(own(nameless).name + "-")
    status = folder.lstat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o700, os.getuid())
    forget()
    assert user.cache_folder().parent == folder, "the next process finds it again"


def test_without_any_folder_nothing_is_kept(nameless, monkeypatch, caplog):
    def none():
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    preferences, problem = load_preferences()
    assert problem is None  # there are no preferences yet
    assert "Not a directory" in save_preferences(preferences)
    assert find_dataset("mnist").missing(None)
    assert len(caplog.messages) == 1
    assert "preferences and downloads are not kept; set XDG_CACHE_HOME" in caplog.messages[0]


def test_user_without_name_is_named_by_number(nameless, monkeypatch):
    monkeypatch.setenv("LOGNAME", "")  # restored after the test
    user.set_missing_name()
    assert getpass.getuser() == str(os.getuid())
    monkeypatch.setenv("LOGNAME", "ada")
    user.set_missing_name()
    assert os.environ["LOGNAME"] == "ada"


def test_tilde_without_home_is_refused(nameless):
    with pytest.raises(user.UsageError, match="~/x: there is no such home folder"):
        user.expand("~/x")


async def test_palette_saves_a_picture_without_home(nameless):
    app = app_in(nameless / "runs")
    async with app.run_test() as pilot:
        entries = {each.title: each for each in app.get_system_commands(app.screen)}
        entries["Screenshot"].callback()
        folder = own(nameless) / "downloads"
        await until(pilot, lambda: list(folder.glob("mnist-tui*.svg")))


@pytest.mark.parametrize("command", [("datasets", "--json"), ("train", "--dry-run", "--json")])
def test_commands_work_without_home_and_name(tmp_path, command):
    environment = environment_in(tmp_path) | {"TMPDIR": str(tmp_path)}
    done = preloaded.run(
        [sys.executable, "-c", NAMELESS, *command],
        cwd=tmp_path,
        env={key: value for key, value in environment.items() if key not in VARIABLES},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert done.returncode == 0
    json.loads(done.stdout)
    assert done.stderr.startswith("mnist-tui: this user has no home folder: ")
    assert done.stderr.count("no home folder") == 1
    assert "Traceback" not in done.stderr
