"""Rules about the whole code that a reader of one file cannot see.

`pytest tests/test_house.py -s -k ladder` prints which package imports which.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
ALL = CORE + sorted((ROOT / "tui").rglob("*.py"))
SCREEN_LIBRARIES = {"textual", "rich", "typer", "click", "plotext", "textual_plotext", "tui"}
UNSAFE_LOADERS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
MAX_LINES = 300
MAX_FILES = 15
MAX_METHODS = 20

# Packages, and modules that stand beside them, from the top down. One may import from the rows
# below its own, and not from its own row.
ROWS = (
    ("tui.cli",),
    ("tui.app",),
    ("tui.screens",),
    ("tui.help", "tui.headless", "tui.missions", "tui.widgets"),
    ("tui.analysis", "tui.charts", "tui.actions"),
    ("tui.state",),
    ("tui.preferences",),
    ("tui.text", "tui.terminal", "tui.signals", "tui.drawing"),
    ("core.engine", "core.doctor"),
    ("core.attach", "core.replay"),
    ("core.race",),
    ("core.training",),
    ("core.explain",),
    ("core.runs",),
    ("core.checkpoints", "core.host", "core.config_file", "core.questions"),
    ("core.commands",),
    ("core.novelty",),
    ("core.config",),
    ("core.compute",),
    ("core.models",),
    ("core.data", "core.settings"),
    ("core.user", "core.locking"),
    ("core.files", "core.event_json", "core.processes", "core.packages"),
    ("core.responses",),
    ("core.errors", "core.events", "core.digit", "core.optim"),
    ("core.class_names",),
)
RANK = {package: -row for row, packages in enumerate(ROWS) for package in packages}


def teardown_module() -> None:
    parse.cache_clear()  # else Python's garbage collector visits these nodes again and again


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def package_of(module: str) -> str:
    """Return the package or lone module that a dotted name belongs to, as ROWS names it."""
    return ".".join(module.split(".")[:2])


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of each import, lazy and type-only ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def arrows() -> dict[str, dict[str, set[str]]]:
    """Return which files of each package import from which other packages."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in ALL:
        here = package_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if here in ("tui.__main__", "tui.__init__", "core.__init__"):
            continue
        for module in imports(parse(path)):
            there = package_of(module)
            if module.split(".")[0] in ("core", "tui") and there != here:
                found[here][there].add(name_of(path))
    return found


def test_packages_are_all_ranked():
    """ROWS names every package and module there is, and no other."""
    places = (path.relative_to(ROOT).with_suffix("").parts for path in ALL)
    found = {".".join(parts[:2]) for parts in places if not parts[1].startswith("__")}
    assert found == set(RANK)


def test_imports_form_a_ladder():
    """Each package imports only from rows below its own, so there is no circle either."""
    upward = []
    for here, others in arrows().items():
        down = sorted(others, key=lambda each: -RANK.get(each, 0))
        print(f"{here:20} → {', '.join(down)}")
        upward += [
            f"{here} → {there}: {', '.join(sorted(files))}"
            for there, files in others.items()
            if RANK[there] >= RANK[here]
        ]
    assert not upward


def test_core_imports_no_screen_library():
    for path in CORE:
        tree, name = parse(path), name_of(path)
        assert not {module.split(".")[0] for module in imports(tree)} & SCREEN_LIBRARIES, name
        for call in calls(tree):
            is_print = isinstance(call.func, ast.Name) and call.func.id == "print"
            assert not is_print, f"{name}:{call.lineno} prints"


def test_nothing_is_unpickled():
    for path in ALL:
        tree, name = parse(path), name_of(path)
        assert not {module.split(".")[0] for module in imports(tree)} & UNSAFE_LOADERS, name
        for call in calls(tree):
            if ast.unparse(call.func) == "torch.load":
                assert "weights_only=True" in ast.unparse(call), f"{name}:{call.lineno}"


def test_code_of_others_is_run_in_one_place():
    """That is a file that a person named on the command line (core/models/network_file)."""
    running = {"exec", "eval", "compile", "__import__"}
    found = {
        name_of(path)
        for path in ALL
        for call in calls(parse(path))
        if isinstance(call.func, ast.Name) and call.func.id in running
    }
    assert found == {"core/models/network_file/build.py", "core/models/network_file/named.py"}


def test_user_and_host_are_asked_for_in_one_place():
    """A container has a user without a name or a home, which core/user.py handles."""
    asked = re.compile(
        r"""\b(getpass|gethostname|getlogin|expanduser|platformdirs|import pwd|uname)\b"""
        r"""|Path\.home|platform\.node|environ.*["'](HOME|USER|LOGNAME|XDG_C)"""
    )
    found = {name_of(path) for path in ALL if asked.search(path.read_text(encoding="utf-8"))}
    assert found == {"core/user.py"}


def test_cores_are_counted_in_one_place():
    """The number of cores alone ignores the limits of containers and jobs."""
    counted = re.compile(r"cpu_count\b|sched_getaffinity|multiprocessing|torch\.get_num_threads")
    paths = [*ALL, *(ROOT / "benchmarks").glob("*.py")]
    found = {name_of(path) for path in paths if counted.search(path.read_text(encoding="utf-8"))}
    assert found == {"core/compute/cores.py"}


def test_files_stay_short():
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in ALL}
    assert not {name: length for name, length in lengths.items() if length > MAX_LINES}


def test_packages_stay_small():
    """No folder has more than MAX_FILES Python files besides its __init__."""
    counts: dict[str, int] = defaultdict(int)
    for path in ALL:
        counts[name_of(path.parent)] += path.name != "__init__.py"
    assert not {folder: count for folder, count in counts.items() if count > MAX_FILES}


def test_classes_stay_small():
    """No class has more than MAX_METHODS public methods, inherited ones of ours included."""
    own: dict[str, set[str]] = {}
    bases: dict[str, list[str]] = {}
    for path in ALL:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(base).split("[")[0] for base in node.bases]
                own[node.name] = {
                    each.name
                    for each in node.body
                    if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                    and not each.name.startswith("_")
                }

    def methods(name: str) -> set[str]:
        inherited = [methods(base) for base in bases.get(name, ()) if base in own and base != name]
        return own[name].union(*inherited)

    sizes = {name: len(methods(name)) for name in own}
    assert not {name: size for name, size in sizes.items() if size > MAX_METHODS}


def test_packages_say_what_they_hold():
    """Each package's __init__ is one docstring, which the README's tree repeats."""
    silent = [
        name_of(path)
        for path in ALL
        if path.name == "__init__.py"
        and path.parent.parent != ROOT
        and not ast.get_docstring(parse(path))
    ]
    assert not silent


def test_no_test_file_imports_another():
    """What tests share stands in tests/support."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for module in imports(parse(path)):
            assert ".test_" not in f".{module}", f"{name_of(path)} imports {module}"
