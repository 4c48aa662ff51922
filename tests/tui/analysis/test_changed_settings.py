"""What a list says of the settings that a run changed."""

from tui.analysis.changed_settings import changed_settings


def test_record_of_a_folder_is_no_setting():
    stored = {"dataset_digest": "c39c6e", "dataset_images": 480, "dataset_classes": 12}
    assert changed_settings({"dataset": "folder:/letters", "epochs": 3, **stored}) == {
        "epochs": "3"
    }
