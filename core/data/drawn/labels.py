"""The folder of a label: its name as it is where every system allows that, else with escapes.

An escape is a percent sign and the two digits of a byte of UTF-8, as in the address of a web page,
so that `unquote` of any language reads it. A name that would be too long is cut and ends in a
digest; the whole label is then in a file in the folder.
"""

from __future__ import annotations

import hashlib
import unicodedata
from urllib.parse import unquote_to_bytes

from core.class_names import LONGEST_NAME

LONGEST = 200  # bytes; file systems allow 255
LABEL_FILE = ".label"  # hidden, so that `folder:DIR` leaves it out
LARGEST_FILE = 8 * LONGEST_NAME
# What follows the beginning of a long name, and how many digits its digest has.
CUT, DIGEST_DIGITS = "%~", 16
FORBIDDEN = frozenset('%/\\<>:"|?*')
# Names of devices on Windows, and the subfolders that `folder:DIR` takes for a split.
RESERVED = {"con", "prn", "aux", "nul", "train", "test", "val"}
RESERVED |= {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}


def folder_name(label: str, *, escaped: bool = False) -> str:
    """Return the name of the folder for a label of at least one character; with `escaped` the one
    without letters, where the file system takes small and capital ones for the same."""
    name = _escape_all(label) if escaped else _escape(label)
    if len(name.encode()) <= LONGEST:
        return name
    start = name.encode()[: LONGEST - len(CUT) - DIGEST_DIGITS].decode(errors="ignore")
    return start + _cut_end(label)


def read_name(name: str) -> str | None:
    """Return the label of a folder of that name; None where it is none, or is cut."""
    try:
        raw = unicodedata.normalize("NFC", name).encode()
        label = unquote_to_bytes(raw).decode(errors="surrogatepass")
    except UnicodeError:
        return None
    return label if 0 < len(label) <= LONGEST_NAME and not is_cut(name) else None


def is_cut(name: str) -> bool:
    """Return whether the label of a folder is in its LABEL_FILE."""
    return name[-len(CUT) - DIGEST_DIGITS : -DIGEST_DIGITS] == CUT


def read_label(name: str, content: bytes) -> str | None:
    """Return the label in the LABEL_FILE of a folder; None where it is that of another folder."""
    try:
        label = content.decode(errors="surrogatepass")
    except UnicodeError:
        return None
    return label if 0 < len(label) <= LONGEST_NAME and name.endswith(_cut_end(label)) else None


def encode_label(label: str) -> bytes:
    """Return the content of a LABEL_FILE."""
    return label.encode(errors="surrogatepass")


def _cut_end(label: str) -> str:
    return CUT + hashlib.sha256(encode_label(label)).hexdigest()[:DIGEST_DIGITS]


def _escape(label: str) -> str:
    name = "".join(_escape_all(each) if _is_unsafe(each) else each for each in label)
    if label.split(".")[0].casefold() in RESERVED or label[0] == ".":
        name = _escape_first(name)
    if name[-1] in ". ":  # Windows drops them
        name = name[:-1] + _escape_all(name[-1])
    # A file system may compose characters: what is read then must still be the label.
    if read_name(name) != label:
        name = "".join(each if each.isascii() else _escape_all(each) for each in name)
    return name


def _is_unsafe(character: str) -> bool:
    return character in FORBIDDEN or not character.isprintable()


def _escape_first(name: str) -> str:
    return name if name[0] == "%" else _escape_all(name[0]) + name[1:]


def _escape_all(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in encode_label(text))
