"""The dataset `drawn`: its split, its classes, and what a run stores of it."""

import pytest

from core.class_names import DIGITS
from core.config import TrainConfig
from core.data.datasets import DATASETS, find_dataset, is_dataset, load_dataset
from core.data.drawn.listing import list_drawings
from core.data.drawn.store import delete_drawing, drawings_folder, keep_drawing
from core.data.matching import load_matching
from core.data.record import cache_name, record_content, stored_record
from core.errors import DataError
from core.events import Notice
from core.runs.data_folder import load_run_data
from tests.support.fakes import loaded


def keep(labels, start=1):
    """Keep a drawing of each label, which its first pixels identify, and list them."""
    found = [
        keep_drawing(bytes([255] * 40 + [start + place] + [0] * 743), label)
        for place, label in enumerate(labels)
    ]
    list_drawings()
    return found


def numbers(images):
    return [int(each[1, 12]) for each in images]


def test_every_fifth_of_a_class_is_a_test_image():
    keep("7" * 11 + "3" * 4)
    known = find_dataset("drawn")
    assert (known.class_names, known.train_samples) == (DIGITS, 13)
    assert known.missing(None) is None
    name, tensors = loaded(load_dataset("drawn", None))[0]
    assert name == "drawn"
    assert numbers(tensors.test_images) == [5, 10]
    assert tensors.test_labels.tolist() == [7, 7]
    labels = tensors.train_labels.tolist()
    assert labels[:4] == [3, 7, 3, 7], "the classes alternate"
    assert sorted(numbers(tensors.train_images)) == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15]


def test_other_labels_are_classes_after_the_digits():
    keep(["b", "T-shirt/top", "10", "2", "0", "b"])
    assert find_dataset("drawn").class_names == ("0", "2", "10", "b", "T-shirt/top")


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ("", "no drawing is kept, and training needs at least 10 drawings: draw and keep more"),
        ("7777777", "7 are kept, and training needs at least 10 drawings: draw and keep more"),
        ("0123456789", "every fifth of a class, and no class has more than 1: draw and keep more"),
        ("A" * 10, "the drawings have the labels A: there must be 2 to 1,000 classes, not 1"),
    ],
)
def test_too_few_drawings_are_refused(labels, why):
    """By the list of datasets, and before training."""
    from core.training.setup import resolve_setup

    keep(labels)
    assert why in find_dataset("drawn").missing(None)
    with pytest.raises(DataError) as caught:
        resolve_setup(TrainConfig("linear", "drawn", batch_size=2))
    assert why in str(caught.value)


def test_unreadable_folder_is_the_reason_that_is_listed():
    drawings_folder().parent.mkdir(parents=True, exist_ok=True)
    drawings_folder().touch()
    assert is_dataset("drawn")
    assert "drawn" in DATASETS
    why = f"the drawings cannot be read (Not a directory): {drawings_folder()}"
    assert find_dataset("drawn").missing(None) == why
    with pytest.raises(DataError, match="cannot be read"):
        loaded(load_dataset("drawn", None))


def test_files_that_are_no_drawings_are_named():
    keep("7" * 5)
    (drawings_folder() / "7" / "x.png").touch()
    _, events = loaded(load_dataset("drawn", None))
    (notice,) = [each.message for each in events if isinstance(each, Notice)]
    where = drawings_folder()
    assert notice == f"left out 1 file that is no drawing in {where} (7/x.png is empty)"


def record():
    list_drawings()
    return record_content(*loaded(load_dataset("drawn", None))[0])


def test_changed_drawings_are_refused_by_name():
    first, second, *_ = keep("7" * 6 + "3" * 5)
    stored = record()
    assert stored_record({"epochs": 3, **stored}) == stored
    assert set(stored) == {
        "dataset_digest",
        *(f"dataset_{each}" for each in ("images", "classes", "files")),
    }
    assert not [
        each
        for each in loaded(load_run_data("drawn", stored, None, exact=True))[1]
        if isinstance(each, Notice)
    ]

    delete_drawing(first)
    (drawings_folder() / second.path).unlink()
    keep_drawing(bytes([9] * 784), "7")
    (drawings_folder() / second.path).write_bytes((drawings_folder() / "7/000003.png").read_bytes())
    with pytest.raises(DataError) as caught:
        loaded(load_run_data("drawn", stored, None, exact=True))
    assert str(caught.value) == (
        f"the dataset drawn in {drawings_folder()} has changed since the run was trained on it: "
        "drawing 7/000001.png was removed, drawing 7/000012.png was added, "
        "drawing 7/000002.png was changed; restore it, or start a new run"
    )
    _, events = loaded(load_run_data("drawn", stored, None))
    (notice,) = [each.message for each in events if isinstance(each, Notice)]
    assert notice.endswith("was changed; it is used as it is now")


def test_run_whose_drawings_are_too_few_by_now_is_told_which_are_gone():
    drawings = keep("7" * 6)
    stored = record()
    for each in drawings[:4]:
        delete_drawing(each)
    with pytest.raises(DataError) as caught:
        loaded(load_run_data("drawn", stored, None, exact=True))
    assert "drawing 7/000001.png was removed, " in str(caught.value)
    assert "and 1 more changes" in str(caught.value)


def test_record_of_a_hostile_file_is_only_compared():
    keep("7" * 5)
    stored = record() | {"dataset_digest": "0" * 64}
    for files in ("[" * 99_999, "no json", "[1]", 7, '{"7/\\u001b[31m.png": []}'):
        with pytest.raises(DataError) as caught:
            loaded(load_run_data("drawn", stored | {"dataset_files": files}, None, exact=True))
        assert str(caught.value).isprintable()


def test_computed_files_change_with_the_drawings():
    keep("7" * 5)
    before = cache_name("drawn")
    keep("7", start=9)
    assert cache_name("drawn") != before
    assert cache_name("mnist") == "mnist"


def test_labels_are_matched_by_name():
    keep("7777377a9b")
    matched, _ = loaded(load_matching("drawn", None, ("9", "a", "7"), "train"))
    assert sorted(matched.labels.tolist()) == [0, 1, *[2] * 5]
    assert matched.describe_left_out() == (
        "left out 2 images of labels that the network does not know: 3, b"
    )
    matched, _ = loaded(load_matching("drawn", None, DIGITS, "test"))
    assert (matched.labels.tolist(), matched.describe_left_out()) == ([7], "")
    with pytest.raises(DataError) as caught:
        loaded(load_matching("drawn", None, ("boat", "car"), "train"))
    assert str(caught.value) == (
        "no train image of drawn has a label that the network knows: they have 3, 7, 9, a, b, and "
        "the network's classes are boat, car"
    )


def test_few_drawings_have_no_test_image_to_evaluate_on():
    keep("777")
    with pytest.raises(DataError, match=r"no class has more than 3: .*; --split train has 3$"):
        loaded(load_matching("drawn", None, DIGITS, "test"))
    assert len(loaded(load_matching("drawn", None, DIGITS, "train"))[0].labels) == 3


def test_without_drawings_evaluation_is_refused():
    with pytest.raises(DataError, match=r"^no drawing is kept: draw"):
        loaded(load_matching("drawn", None, DIGITS, "test"))
