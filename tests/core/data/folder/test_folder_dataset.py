"""Load a folder of image files as a dataset, from its files and from the cache."""

import os
import signal

import pytest
import torch
from PIL import Image, ImageDraw

from core.data.folder import content, source
from core.data.folder.source import find_folder_dataset
from core.errors import DataError
from core.events import Notice, Preparing
from core.user import cache_folder


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source._newest.clear()


def load(root):
    """Return the tensors of a folder, and the messages about it, as another process would."""
    source._newest.clear()
    loading, notices = find_folder_dataset(f"folder:{root}").load(None), []
    while True:
        try:
            event = next(loading)
        except StopIteration as done:
            return done.value, notices
        assert isinstance(event, Notice | Preparing)
        notices += [event.message] if isinstance(event, Notice) else []


@pytest.fixture(scope="session")
def digits(tiny_tensors):
    """Return ten images of each of three classes, as MNIST has them."""
    images, labels = tiny_tensors.train_images.clone(), tiny_tensors.train_labels
    images[images < 100] = 0
    return [images[labels == label][:10] for label in range(3)]


def save(root, digits, mode="L", suffix="png"):
    for label, images in enumerate(digits):
        folder = root / "abc"[label]
        folder.mkdir(parents=True, exist_ok=True)
        for number, pixels in enumerate(images):
            Image.fromarray(pixels.numpy()).convert(mode).save(folder / f"{number}.{suffix}")
    return root


def write(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def letter(text="L", size=60, ink=0, paper=255):
    """Return an image of a letter: "L", or "II", which are two marks."""
    image = Image.new("L", (size, size), paper)
    draw, thick = ImageDraw.Draw(image), size // 12
    for number, each in enumerate(text):
        x = size * (0.25 + 0.3 * number)
        draw.line([(x, size * 0.2), (x, size * 0.8)], fill=ink, width=thick)
        if each == "L":
            draw.line([(x, size * 0.8), (x + size * 0.3, size * 0.8)], fill=ink, width=thick)
    return image


def letters(root, **wanted):
    for name in "ab":
        for number in range(3):
            write(letter("L" if name == "a" else "I"), root / name / f"{number}.png")
    return root


@pytest.mark.parametrize(("mode", "suffix"), [("L", "png"), ("RGB", "png"), ("L", "bmp")])
def test_images_like_those_of_mnist_are_kept_to_the_pixel(tmp_path, digits, mode, suffix):
    tensors, notices = load(save(tmp_path / "root", digits, mode, suffix))
    assert not notices
    order = [(number, label) for number in range(10) for label in range(3)]
    train = [each for each in order if each[0] % 5 != 4]
    assert tensors.train_labels.tolist() == [label for _, label in train], "classes alternate"
    expected = torch.stack([digits[label][number] for number, label in train])
    assert torch.equal(tensors.train_images, expected)
    assert len(tensors.test_labels) == 6
    assert torch.equal(tensors.test_images[4], digits[1][9])


def test_images_of_any_size_become_like_those_of_mnist(tmp_path):
    for name, ink, paper in (("a", 0, 255), ("b", 230, 20)):
        for number, size in enumerate((28, 60, 300, 28, 50)):
            write(
                letter(size=size, ink=ink, paper=paper), tmp_path / "root" / name / f"{number}.png"
            )
    tensors, notices = load(tmp_path / "root")
    assert not notices
    assert tensors.train_images.shape == (8, 28, 28)
    assert tensors.train_images.dtype == torch.uint8
    for pixels in tensors.train_images:
        rows = pixels.amax(1).nonzero()
        assert rows.max() - rows.min() == 19
        assert pixels.max() == 255


def test_marks_of_one_image_are_one_character(tmp_path):
    root = letters(tmp_path / "root")
    write(letter("II", 120), root / "b" / "1.png")
    tensors, notices = load(root)
    assert notices == [f"{root}: 1 image shows several characters, read as one (such as b/1.png)"]
    columns = tensors.train_images[3].amax(0) > 100
    assert columns.int().diff().abs().sum() == 4, "two strokes"


def test_files_left_out_are_reported_by_reason(tmp_path):
    root = letters(tmp_path / "root")
    for number in (3, 4, 5):
        write(letter("I"), root / "b" / f"{number}.png")
    (root / "a" / "3.png").write_bytes(b"")
    (root / "a" / "4.png").write_bytes((root / "a" / "1.png").read_bytes()[:60])
    (root / "a" / "5.jpg").write_text("no image")
    (root / "a" / "6.jpg").write_text("nor this")
    write(Image.new("L", (40, 40), 255), root / "b" / "[b]\x1b.png")
    (root / "b" / "notes.txt").touch()
    tensors, (notice,) = load(root)
    assert len(tensors.train_labels) == 8
    assert notice == (
        f"{root}: left out 5 image files: 2 not an image (such as a/5.jpg), 1 empty (such as "
        "a/3.png), 1 damaged (such as a/4.png), 1 without ink (such as b/[b]\\x1b.png); left out 1 "
        "other file"
    )
    assert load(root)[1] == [notice], "the cache has it too"


def test_class_without_readable_images_is_refused(tmp_path):
    root = letters(tmp_path / "root")
    for number in (0, 1):
        (root / "b" / f"{number}.png").write_bytes(b"x")
    with pytest.raises(
        DataError, match=r"no training image of the class b can be read: b/0.png is"
    ):
        load(root)
    write(letter(), root / "b" / "0.png")
    for name in "ab":
        write(letter(), root / name / "1.png")
        (root / name / "2.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"none of the test images can be read: a/2.png is"):
        load(root)


def forbid(*arguments):
    raise AssertionError("an image is read")


def cache_file():
    (path,) = (cache_folder() / "folders").iterdir()
    return path


def same(one, other):
    return all(map(torch.equal, one, other))


def test_cache_is_used_until_a_file_changes(tmp_path, digits, monkeypatch):
    root = save(tmp_path / "root", digits)
    first, _ = load(root)
    with monkeypatch.context() as patch:
        patch.setattr("core.data.images.read_character", forbid)
        assert same(load(root)[0], first)
    path = root / "a" / "0.png"
    before = path.stat()
    pixels = digits[0][0].flip(1).contiguous()
    Image.fromarray(pixels.numpy()).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert torch.equal(load(root)[0].train_images[0], pixels)
    (root / "b" / "9.png").unlink()
    assert len(load(root)[0].test_labels) == 5


@pytest.mark.parametrize("damage", ["cut", "bit", "longer", "foreign", "folder", "link", "label"])
def test_damaged_cache_is_written_again(tmp_path, digits, damage):
    root = save(tmp_path / "root", digits)
    first, _ = load(root)
    path = cache_file()
    whole = path.read_bytes()
    middle = len(whole) // 2
    other = {
        "cut": whole[:-7],
        "bit": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "longer": whole + b"\0",
        "foreign": b"[" * 100_000,
        "label": whole[:-60] + b"\x09" + whole[-59:],
    }
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "link":
        (tmp_path / "other").write_bytes(whole)
        path.symlink_to(tmp_path / "other")
    else:
        path.write_bytes(other[damage])
    assert same(load(root)[0], first)
    assert damage == "folder" or path.read_bytes() == whole


def test_unwritable_cache_is_done_without(tmp_path, digits, monkeypatch):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "mnist-tui").touch()
    monkeypatch.setattr("core.user._private_folder", lambda: None)
    root = save(tmp_path / "root", digits)
    assert same(load(root)[0], load(root)[0])


def test_old_caches_are_deleted(tmp_path, digits, monkeypatch):
    monkeypatch.setattr("core.data.folder.cache.MOST_KEPT", 2)
    for name in "xyz":
        load(save(tmp_path / name, digits))
    assert len(list((cache_folder() / "folders").iterdir())) == 2


def test_folder_that_changes_while_it_is_read_is_refused(tmp_path, digits, monkeypatch):
    from core.data import images

    root = save(tmp_path / "root", digits)
    read = images.read_character

    def change(path):
        (root / "c" / "10.png").write_bytes(b"new")
        return read(path)

    monkeypatch.setattr(images, "read_character", change)
    with pytest.raises(DataError, match="has changed while it was read: try again"):
        load(root)
    assert not (cache_folder() / "folders").exists()


def test_several_processes_read_the_same(tmp_path, monkeypatch):
    root = letters(tmp_path / "root")
    (root / "a" / "3.png").write_bytes(b"x")
    alone = load(root)
    cache_file().unlink()
    monkeypatch.setattr(content, "ALONE_SECONDS", -1)
    monkeypatch.setattr(content, "PAYS_SECONDS", -1)
    monkeypatch.setattr(content, "PROCESSES", 2)
    together = load(root)
    assert same(alone[0], together[0])
    assert alone[1] == together[1]


def test_ended_reader_is_reported(tmp_path, monkeypatch):
    from core.data.folder import reader

    root = letters(tmp_path / "root")
    monkeypatch.setattr(content, "ALONE_SECONDS", -1)
    monkeypatch.setattr(content, "PAYS_SECONDS", -1)
    monkeypatch.setattr(content, "PROCESSES", 2)
    start = reader.start_module

    def killed(*given, **options):
        process = start(*given, **options)
        process.send_signal(signal.SIGKILL)
        return process

    monkeypatch.setattr(reader, "start_module", killed)
    with pytest.raises(DataError, match="a process that reads images ended by SIGKILL, at "):
        load(root)


def test_slow_folder_waits_for_a_run(tmp_path, digits, monkeypatch):
    """What is shown before a run must not keep it from starting; from the cache it is fast."""
    from core.data import local_datasets

    root = save(tmp_path / "root", digits)
    with monkeypatch.context() as patch:
        patch.setattr(local_datasets, "FOLDER_SECONDS", 0.0)
        assert local_datasets.load_local(f"folder:{root}", None) is None
    assert local_datasets.load_local(f"folder:{root}", None) is None, "not tried again at once"
    tensors, _ = load(root)
    assert same(local_datasets.load_local(f"folder:{root}", None), tensors)
