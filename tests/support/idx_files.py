"""The four files of MNIST with a few images each."""

import hashlib
from pathlib import Path

from core.data.sources import mnist

COUNTS = {"train": 4, "t10k": 2}


def tiny_mnist(monkeypatch, cache: Path) -> dict[str, bytes]:
    """Make four small files those of MNIST, and return them; nothing can be downloaded, and the
    user's cache folder is empty."""
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    found = {}
    for name in mnist.MNIST_FILES:
        count = COUNTS[name.split("-")[0]]
        is_image = "images" in name
        values = (bytes(range(196)) * 4) * count if is_image else bytes(range(count))
        found[name] = bytes(16 if is_image else 8) + values
        monkeypatch.setitem(mnist.MNIST_FILES, name, hashlib.sha256(found[name]).hexdigest())
    return found


def put(folder: Path, contents: dict[str, bytes], spell=str, pack=bytes) -> None:
    """Write the files to a folder, with other names and packed where that is given."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / spell(name)).write_bytes(pack(content))
