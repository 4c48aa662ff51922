"""Find the classes and image files of a folder, whatever else is in it."""

import os

import pytest

from core.data.folder import listing
from core.data.folder.listing import list_folder
from core.errors import DataError


def fill(root, **classes):
    """Make a folder of empty image files: the names of each class, or how many there are."""
    for name, files in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        names = [f"{number}.png" for number in range(files)] if isinstance(files, int) else files
        for each in names:
            (root / name / each).touch()
    return root


def test_classes_and_files_in_natural_order(tmp_path):
    names = [str(number) for number in range(12)]
    files = ("10.png", "9.PNG", "x.jpg", "1.gif")
    found = list_folder(fill(tmp_path, **dict.fromkeys(names, files)))
    assert found.class_names == tuple(names)
    files = [os.path.basename(each.path) for each in found.images if each.label == 11]
    assert files == ["1.gif", "9.PNG", "10.png", "x.jpg"]


@pytest.mark.parametrize(("count", "tests"), [(2, [1]), (4, [3]), (5, [4]), (6, [4]), (11, [4, 9])])
def test_every_fifth_is_a_test_image(tmp_path, count, tests):
    found = list_folder(fill(tmp_path, a=count, b=2))
    assert [each.rank for each in found.images if each.is_test and each.label == 0] == tests
    assert found.train_samples == count - len(tests) + 1


@pytest.mark.parametrize("test", ["test", "val"])
def test_folder_with_a_split_of_its_own(tmp_path, test):
    fill(tmp_path / "train", a=3, b=6)
    fill(tmp_path / test, a=1, b=2)
    found = list_folder(tmp_path)
    assert found.class_names == ("a", "b")
    assert [each.path.split("/")[0] for each in found.images if each.is_test] == [test] * 3
    assert found.train_samples == 9


def test_two_classes_may_be_called_train_and_tram(tmp_path):
    assert list_folder(fill(tmp_path, train=2, tram=2)).class_names == ("train", "tram")


def test_links_are_left_out_and_counted(tmp_path):
    """Neither a file nor a class comes from elsewhere, and a circle has no end to find."""
    root, other = fill(tmp_path / "root", a=2, b=2), fill(tmp_path / "other", c=2)
    (root / "a" / "link.png").symlink_to(other / "c" / "0.png")
    (root / "a" / "circle").symlink_to(root)
    (root / "c").symlink_to(other / "c")
    found = list_folder(root)
    assert found.class_names == ("a", "b")
    assert len(found.images) == 4
    assert found.left_out == {"link": 3}


def test_other_files_are_counted_by_kind(tmp_path):
    fill(tmp_path, a=["0.png", "1.png", "notes.txt", "clip.mov", ".hidden.png"], b=2)
    fill(tmp_path / "a", deeper=3, deepest=1)
    os.mkfifo(tmp_path / "b" / "pipe.png")
    (tmp_path / "README").touch()
    found = list_folder(tmp_path)
    assert found.left_out == {"other file": 3, "video": 1, "deeper folder": 2}
    assert len(found.images) == 4


def test_names_of_classes_are_printable(tmp_path):
    odd = b"\xff".decode(errors="surrogateescape")
    found = list_folder(fill(tmp_path, **{"[red]x": 2, "a\x1b[2J": 2, "あ": 2, odd: 2}))
    assert found.class_names == ("[red]x", "a\\x1b[2J", "あ", "\\udcff")


BAD = {
    "no subfolders: put the images": {},
    "has one subfolder, a: put the images": {"a": 2},
    "the class b has no image files; it needs at least two": {"a": 2, "b": 0},
    "the class b has one image; it needs at least two": {"a": 2, "b": 1},
    "two classes have names that are both shown as a\\x07": {"a\x07": 2, "a\\x07": 2},
    "are both shown as é": {"\u00e9": 2, "e\u0301": 2},
    "a class, 'aaaaaaaaaaaaaaaaaaaa'…, is longer than 100": {"a" * 101: 2, "b": 2},
    "(left out 2 other files); it needs": {"a": 2, "b": ["x.txt", "y.txt"]},
}


@pytest.mark.parametrize("message", BAD)
def test_folder_without_classes_is_refused(tmp_path, message):
    with pytest.raises(DataError) as caught:
        list_folder(fill(tmp_path, **BAD[message]))
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_split_is_refused_where_it_does_not_fit(tmp_path):
    fill(tmp_path / "train", a=2, b=2)
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="test/ has no image files"):
        list_folder(tmp_path)
    fill(tmp_path / "test", a=1, c=1)
    with pytest.raises(DataError, match="test/c is not a class of train/"):
        list_folder(tmp_path)
    (tmp_path / "train" / "c").mkdir()
    with pytest.raises(DataError, match="train/c has no image files"):
        list_folder(tmp_path)


def test_limits_are_named(tmp_path, monkeypatch):
    fill(tmp_path, a=2, b=2, c=2)
    monkeypatch.setattr(listing, "MOST_CLASSES", 2)
    with pytest.raises(DataError, match="more than 2 subfolders, the limit"):
        list_folder(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(listing, "MOST_FILES", 4)
    with pytest.raises(DataError, match="more than 4 files, the limit"):
        list_folder(tmp_path)


def test_missing_folder_and_file_are_named(tmp_path):
    with pytest.raises(DataError, match=r"gone does not exist"):
        list_folder(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file is not a folder"):
        list_folder(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every folder")
def test_unreadable_class_is_named(tmp_path):
    fill(tmp_path, a=2, b=2)
    (tmp_path / "b").chmod(0)
    with pytest.raises(DataError, match=r"b cannot be read \(Permission denied\)"):
        list_folder(tmp_path)
