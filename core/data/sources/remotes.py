"""Where the files of a dataset are on the web, from torchvision's own tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.errors import DataError

if TYPE_CHECKING:
    from core.data.download import Remote

MNIST = "MNIST"


def own_mirror() -> str | None:
    """Return the URL in MNIST_TUI_MIRROR, which is used instead of all others; None if unset."""
    own = os.environ.get("MNIST_TUI_MIRROR")
    return own.rstrip("/") + "/" if own else None


def list_mirrors() -> list[str]:
    """Return the URLs of folders with MNIST's files: MNIST_TUI_MIRROR alone where it is set."""
    if own := own_mirror():
        return [own]
    from torchvision.datasets import MNIST

    return list(MNIST.mirrors)


def list_remotes(name: str, files: Sequence[str], size: int) -> dict[str, Remote]:
    """Return the files to download of the dataset that torchvision calls so, by their names.

    `files` are those that it consists of, `size` about the bytes of all to download. The files in
    MNIST_TUI_MIRROR are MNIST's; those of the others are below it, in a folder of that name.
    MNIST's files are known by what they contain, however they are packed. Raises DataError.
    """
    from core.data.download import Remote

    most, own = 2 * size + 2**20, own_mirror()
    if name == MNIST:
        names, mirrors = [f"{file}.gz" for file in files], list_mirrors()
        return {
            each: Remote(each, tuple(mirror + each for mirror in mirrors), None, most)
            for each in names
        }
    try:
        table = read_table(name)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(f"this version of torchvision does not say where {name} is") from None
    found = {}
    for urls, md5 in table:
        file = urls[0].rpartition("/")[2]
        found[file] = Remote(file, (f"{own}{name}/{file}",) if own else urls, md5, most)
    return found


def read_table(name: str) -> list[tuple[tuple[str, ...], str]]:
    """Return the URLs of each file to download, and its MD5, as torchvision states them."""
    from torchvision import datasets

    kind: Any = getattr(datasets, name)
    if name == "EMNIST":
        return [((kind.url,), kind.md5)]
    if name == "USPS":
        return [((url,), md5) for url, _, md5 in kind.split_list.values()]
    if name == "QMNIST":
        return [((url,), md5) for split in ("train", "test") for url, md5 in kind.resources[split]]
    return [(tuple(each + file for each in kind.mirrors), md5) for file, md5 in kind.resources]
