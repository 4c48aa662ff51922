"""Open, read and replace files: what is not a regular file is refused without waiting."""

import os
import socket
from io import BytesIO

import pytest

from core.errors import CheckpointError, printable
from core.files import (
    LONGEST_LINE,
    link_file,
    nearest_existing,
    open_no_follow,
    open_no_wait,
    open_regular_file,
    read_lines,
    replacing,
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with one path of each kind."""
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        yield tmp_path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("folder", "is a folder"),
        ("pipe", "is not a file"),
        ("socket", "is not a file"),
        ("gone", "No such file or directory"),
    ],
)
@pytest.mark.parametrize("opener", [open_no_wait, open_no_follow])
def test_openers_refuse_all_but_files(place, name, why, opener):
    with pytest.raises(OSError, match=why), open(place / name, "rb", opener=opener):
        pass
    with open(place / "file", "rb", opener=opener) as file:
        assert file.read() == b"content"


def test_links_are_followed_by_one_opener_only(place):
    with open(place / "link", "rb", opener=open_no_wait) as file:
        assert file.read() == b"content"
    with pytest.raises(OSError, match="link is a link, and links are not followed here"):
        open_no_follow(place / "link", os.O_RDONLY)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("folder", "is a folder, not a checkpoint"),
        ("pipe", "is not a file"),
        ("socket", "is not a file"),
        ("gone", "does not exist"),
        ("file/x", "cannot be read (Not a directory)"),
    ],
)
def test_open_regular_file_names_the_path(place, name, why):
    with pytest.raises(CheckpointError) as refused, open_regular_file(place / name):
        pass
    assert str(refused.value) == f"{place / name} {why}"


def test_errors_in_the_block_name_the_path(place):
    with pytest.raises(CheckpointError) as refused, open_regular_file(place / "link"):
        raise ValueError("is damaged")
    assert str(refused.value) == f"{place / 'link'} is damaged"


def test_nearest_existing_folder_is_found(place):
    assert nearest_existing(place / "folder" / "a" / "b") == place / "folder"
    with pytest.raises(NotADirectoryError):
        nearest_existing(place / "file")


def test_long_lines_are_read_as_empty():
    lines = [b"short\n", b"x" * LONGEST_LINE + b"\n", b"y" * (3 * LONGEST_LINE) + b"\n", b"end"]
    assert list(read_lines(BytesIO(b"".join(lines)))) == [b"short\n", b"\n", b"\n", b"end"]


def test_failed_replacement_keeps_the_old_file(place):
    def fail() -> None:
        with replacing(place / "file") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (place / "file").read_bytes() == b"content"
    assert not list(place.glob(".*"))


def test_replacing_a_linked_file_leaves_the_other_name(place):
    link_file(place / "file", place / "second")
    assert os.path.samefile(place / "file", place / "second")
    with replacing(place / "file", durable=True) as file:
        file.write(b"new")
    assert (place / "file").read_bytes() == b"new"
    assert (place / "second").read_bytes() == b"content"


def test_printable_escapes_control_characters():
    assert printable("a\x1b[31m\n\u202e\udcff é") == "a\\x1b[31m\\n\\u202e\\udcff é"
