"""Settings in TOML files: names, values, precedence, and what `--dry-run` writes."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compute.routes import Route
from core.config import FIELDS, PRESETS, TrainConfig
from core.config_file import NAMES, as_toml, read_settings
from core.data.datasets import DATASETS
from core.errors import UsageError
from core.models.architectures import ARCHITECTURES
from core.models.networks import ALLOWED
from core.training.routes.choice import RouteChoice
from core.training.setup import Setup
from tui.cli import main as cli

paths = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
configs = st.builds(
    TrainConfig,
    arch=st.sampled_from(sorted(ARCHITECTURES)),
    dataset=st.sampled_from(["auto", *DATASETS]),
    device=st.sampled_from(["auto", "cpu", "cuda:12"]),
    epochs=st.integers(1, 100_000),
    learning_rate=st.floats(0, exclude_min=True, allow_infinity=False),
    seed=st.integers(0, 2**63 - 1),
    threads=st.just("auto") | st.integers(1, 1024) | st.integers(1, 1024).map(str),
    momentum=st.floats(0, 1, exclude_max=True),
    weight_decay=st.floats(0, allow_infinity=False),
    save_every=st.floats(0, exclude_min=True, allow_infinity=False) | st.integers(1, 10**6),
    data=st.none() | paths,
    checkpoints=paths,
    preset=st.sampled_from(["article", "speedrun"]),
)


@pytest.fixture
def file(tmp_path):
    def write(content: str | bytes) -> str:
        path = tmp_path / "run.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def refused(path: str) -> str:
    """Return the refusal of a file, after its name."""
    with pytest.raises(UsageError) as error:
        read_settings(path)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value).partition("run.toml")[2]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "run.toml"


@settings(deadline=None, max_examples=50)
@given(config=configs)
def test_written_config_reads_equal(kept, config):
    kept.write_text(as_toml(config), encoding="utf-8")
    assert TrainConfig(**read_settings(str(kept))) == config


def test_non_utf8_folder_is_refused():
    with pytest.raises(UsageError, match=r"^--checkpoints \S+ is not a UTF-8 name"):
        as_toml(TrainConfig(checkpoints="a\udcff"))


@pytest.mark.parametrize("key", ["learning_rate", "learning-rate", "lr"])
def test_setting_has_field_and_option_names(file, key):
    (value,) = read_settings(file(f"{key} = 1")).values()
    assert (value, type(value)) == (1.0, float)
    assert set(NAMES.values()) == set(FIELDS)


def test_windows_file_is_read(file):
    assert read_settings(file(b"\xef\xbb\xbfepochs = 3\r\nlr = 0.1\r\n")) == {
        "epochs": 3,
        "learning_rate": 0.1,
    }
    assert read_settings(file("")) == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("epoch = 3", ': there is no setting "epoch"; did you mean epochs?'),
        ("batchsize = 3", ': there is no setting "batchsize"; did you mean batch_size?'),
        ("LR = 3", ': there is no setting "LR"; did you mean lr?'),
        ("x = 3", ': there is no setting "x"; `mnist-tui train --dry-run` lists all'),
        ('"a\\nb" = 3', ': there is no setting "a\\nb"; `mnist-tui train --dry-run` lists all'),
        ("[train]\nepochs = 3", ': there is no setting "train"; `mnist-tui train --dry-run` list'),
        ("lr = 1\nlearning-rate = 1", ": lr and learning-rate are the same setting: remove one"),
        ('epochs = "3"', ': epochs must be a whole number, 1 to 100,000, not "3"'),
        ("epochs = 3.0", ": epochs must be a whole number, 1 to 100,000, not 3.0"),
        ("epochs = true", ": epochs must be a whole number, 1 to 100,000, not true"),
        ("epochs = [3]", ": epochs must be a whole number, 1 to 100,000, not a list"),
        ("[epochs]", ": epochs must be a whole number, 1 to 100,000, not a table"),
        ("keep = 2026-01-31", "a whole number, 0 to 1,000, not the date or time 2026-01-31"),
        ("seed = " + "9" * 100, "not a number with that many digits"),
        ("lr = 1" + "0" * 400, ": lr must be a number above 0, such as 0.001, not inf"),
        ("lr = nan", ": lr must be a number above 0, such as 0.001, not nan"),
        ("threads = 1.5", ": threads must be auto or a whole number, 1 to 1,024, not 1.5"),
        ("arch = []", f": arch must be {ALLOWED}, not a list"),
        ("arch = 'conv 3'", ": arch cannot be built: conv 3: conv needs channels and kernel size"),
        ("preset = 'fast'", f': preset must be one of {", ".join(PRESETS)}, not "fast"'),
        ('data = ""', ': data must be a folder, not ""'),
        (
            'checkpoints = "a\\u0000"',
            ": checkpoints must be a folder without NUL in its name, not",
        ),
        ("epochs 3", " is not TOML: Expected '=' after a key in a key/value pair (at line 1, co"),
        ("epochs = 3\nepochs = 3", " is not TOML: Cannot overwrite a value (at "),
        (b"\x7fELF\x02\xff\x00", " is not TOML: it is not UTF-8 text"),
        ("x = " + "[" * 5000, " is not TOML: "),
        ("seed = " + "9" * 5000, " is not TOML: "),
        (b"#" * (2**20 + 1), " is larger than 1 MB, so not a file of settings"),
    ],
)
def test_invalid_setting_is_named(file, content, said):
    assert said in refused(file(content))


def test_unreadable_file_is_named(tmp_path):
    assert refused(str(tmp_path / "run.toml")) == " cannot be read (No such file or directory)"
    (tmp_path / "run.toml").mkdir()
    assert refused(str(tmp_path / "run.toml")) == " cannot be read (Is a directory)"
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings("a\0b")


@pytest.fixture
def planned(file, tmp_path, monkeypatch, capsys):
    """Return a function that runs `train --dry-run` with a file, options and an environment.

    It returns status, stdout and stderr.
    """
    for name in FIELDS:
        monkeypatch.delenv(f"MNIST_TUI_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)

    class Cpu(str):
        type = "cpu"

    def resolve(config, *rest):  # the real one has to load PyTorch, and is tested elsewhere
        return Setup(config, Cpu("cpu"), RouteChoice(Route(), "the default"), "sample", 4000)

    monkeypatch.setattr("tui.cli.output.dry_run.resolve_setup", resolve)

    def call(content: str, *options: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            path = file('dataset = "sample"\n' + content)
            if "MNIST_TUI_CONFIG" not in environment:
                options = ("--config", path, *options)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["mnist-tui", "train", "--dry-run", *options])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def config_of(answer: tuple[int, str, str]) -> dict:
    status, said, complaints = answer
    assert (status, complaints) == (0, "")
    return json.loads(said)["config"]


def test_precedence_of_option_environment_file_preset(
    planned,
):
    """An option overrides the environment, that the file, that the preset."""
    four = "epochs = 4\nbatch_size = 40\nbeta2 = 0.5\npreset = 'speedrun'"
    found = config_of(
        planned(four, "--json", "--epochs", "2", MNIST_TUI_EPOCHS="3", MNIST_TUI_BATCH_SIZE="30")
    )
    assert (found["epochs"], found["batch_size"], found["beta2"]) == (2, 30, 0.5)
    assert (found["preset"], found["schedule"], found["keep"]) == ("speedrun", "onecycle", 6)
    assert config_of(planned(four, "--json", "--preset", "article"))["schedule"] == "constant"


def test_environment_names_the_file(planned):
    assert config_of(planned("epochs = 4", "--json", MNIST_TUI_CONFIG="run.toml"))["epochs"] == 4
    status, said, complaint = planned("epochs = 0", MNIST_TUI_CONFIG="run.toml")
    assert (status, said) == (2, "")
    assert complaint.startswith("mnist-tui: run.toml: epochs must be")


def test_dry_run_output_is_a_config_file(planned, tmp_path):
    status, first, _ = planned("lr = 0.5\ncheckpoints = 'élan/\\ runs'", "--arch", "linear")
    assert status == 0
    assert planned(first.replace('dataset = "sample"\n', ""))[1] == first
    assert not (tmp_path / "élan").exists(), "it makes nothing"
