"""Count how many digits in pictures are predicted correctly, by the kind of picture.

The pictures are those of a folder, KIND/DIGITS/FILE, and others that are painted with digits of the
test set, from fixed seeds. A picture is correct if exactly its digits are found, in reading order,
and each is predicted correctly; one without a digit if it is refused, and one without a whole
digit if it is refused or has a warning. Preparing is all between a decoded image and the network.

    python benchmarks/photos.py RUN_OR_CHECKPOINT [--photos DIR] [--data DIR] [--count N]
        [--keep DIR] [--kinds KIND ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import blank_pictures
import hard_pictures
import numpy
from doubtful_pictures import DOUBTFUL
from painting import Array, Picture
from PIL import Image
from plain_pictures import PLAIN
from throughput import find_mnist

from core.checkpoints.io import load_model
from core.compute.usage import cpu_name
from core.data.image_decoding import decode_image
from core.data.images import read_image
from core.data.segmentation.search import find_digits
from core.data.sources import idx_files
from core.data.sources.file_set import find_file, find_missing
from core.data.sources.mnist import MNIST
from core.errors import DataError
from core.models.inference import predict_images
from core.runs.resolve import resolve_checkpoint

GROUPS = {
    "plain": PLAIN,
    "hard, developed": hard_pictures.DEVELOPED,
    "hard, measured": hard_pictures.MEASURED,
    "several digits": hard_pictures.SEVERAL,
    "no digit, developed": blank_pictures.DEVELOPED,
    "no digit, measured": blank_pictures.MEASURED,
    "no whole digit": DOUBTFUL,
}
NONE = "none"  # the folder of pictures without a digit
LARGE = 5  # pictures of 24 MP: each takes seconds to paint


@dataclass
class Tally:
    pictures: int = 0
    correct: int = 0
    warned_correct: int = 0
    warned_wrong: int = 0
    # How many pictures, by the digits found minus those in the picture.
    surplus: Counter[int] = field(default_factory=Counter)


def read_test_digits(data: str) -> tuple[Array, Array]:
    """Return the images (N, 28, 28) and labels (N,) of MNIST's test set."""

    def read(name: str, header: int) -> Array:
        path = find_file(MNIST, name, data)
        if path is None:
            raise SystemExit(f"{name} in {data} is damaged")
        return numpy.frombuffer(idx_files.read_file(path), numpy.uint8, offset=header)

    images = read("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28)
    return images, read("t10k-labels-idx1-ubyte", 8)


def paint(kind: Callable[..., Picture], number: int, digits: Array, labels: Array) -> Picture:
    """Return picture `number` of a kind; the same each time."""
    name = kind.__name__
    random = numpy.random.default_rng([number, *name.encode()])
    if kind not in hard_pictures.SEVERAL:
        place = int(random.integers(len(labels)))
        return kind(random, digits[place], int(labels[place]))
    places = random.integers(len(labels), size=5)
    return kind(random, digits[places], [int(each) for each in labels[places]])


def save(picture: Picture, folder: Path, number: int) -> None:
    place = folder / ("".join(map(str, picture.digits)) or NONE)
    place.mkdir(parents=True, exist_ok=True)
    picture.image.save(place / f"{number:05}{picture.suffix}", **dict(picture.options))


def count(model, folder: Path, *, is_doubtful: bool = False) -> Tally:
    """Predict the pictures in DIGITS/FILE below a folder; if doubtful, warnings are correct."""
    tally = Tally()
    for path in sorted(folder.glob("*/*")):
        is_blank = path.parent.name == NONE
        wanted = [] if is_blank else [int(each) for each in path.parent.name]
        try:
            found = read_image(path)
        except DataError:
            found = ()
        seen = predict_images(model, tuple(each.pixels for each in found)) if found else ()
        correct = [each.predicted for each in seen] == wanted
        if is_doubtful:
            correct = all(each.warnings for each in found)
        warned = any(each.warnings for each in found) or not (found or is_blank)
        tally.pictures += 1
        tally.correct += correct
        tally.warned_correct += correct and warned
        tally.warned_wrong += warned and not correct
        tally.surplus[len(found) - len(wanted)] += 1
    return tally


def show(kind: str, tally: Tally) -> None:
    wrong = tally.pictures - tally.correct
    split = sum(times for more, times in tally.surplus.items() if more > 0)
    missed = sum(times for more, times in tally.surplus.items() if more < 0)
    share = tally.correct / tally.pictures
    print(
        f"  {kind:22}{tally.correct:>6} of {tally.pictures:<6}{share:>7.1%}"
        f"   warnings {tally.warned_correct:>4} of {tally.correct:<5}{tally.warned_wrong:>4} of "
        f"{wrong:<5} digits too many {split:>3}, too few {missed:>3}",
        flush=True,
    )


def show_times(folder: Path, size: tuple[int, int] = (4000, 3000), times: int = 7) -> None:
    """Print the median times to decode a photo of 12 MP, and to prepare it once decoded."""
    paths = sorted(folder.glob("*/*"))[:times]
    decode, prepare = [], []
    for path in paths:
        large = path.with_suffix(".large.jpg")
        Image.open(path).convert("RGB").resize(size).save(large, quality=88)
        start = time.perf_counter()
        with open(large, "rb") as file:
            image = decode_image(file).image
        middle = time.perf_counter()
        find_digits(image)
        decode.append(middle - start)
        prepare.append(time.perf_counter() - middle)
        large.unlink()
    for what, seconds in (("decode", decode), ("prepare", prepare)):
        print(f"  {what:8}{numpy.median(seconds) * 1e3:>7.1f} ms, most {max(seconds) * 1e3:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", metavar="RUN_OR_CHECKPOINT")
    parser.add_argument("--photos", type=Path, help="folder of KIND/DIGITS/FILE to count too")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--count", type=int, default=20, help="pictures of each kind")
    parser.add_argument("--keep", type=Path, help="folder to keep the painted pictures in")
    parser.add_argument("--kinds", nargs="*", default=(), help="paint these kinds only")
    options = parser.parse_args()
    if options.data is None or find_missing(MNIST, options.data):
        parser.error("MNIST was not found: pass its folder with --data")
    _, model = load_model(resolve_checkpoint(options.checkpoint, Path("checkpoints")))
    digits, labels = read_test_digits(options.data)
    print(f"{cpu_name()}, Python {sys.version.split()[0]}")
    if options.photos:
        print(f"photos in {options.photos}")
        for folder in sorted(each for each in options.photos.iterdir() if each.is_dir()):
            show(folder.name, count(model, folder))
    with tempfile.TemporaryDirectory() as temporary:
        root = options.keep or Path(temporary)
        for group, kinds in GROUPS.items():
            chosen = [kind for kind in kinds if kind.__name__ in (options.kinds or {kind.__name__})]
            if chosen:
                print(group)
            for kind in chosen:
                folder = root / kind.__name__
                many = min(options.count, LARGE) if "large" in kind.__name__ else options.count
                if not folder.exists():
                    for number in range(many):
                        save(paint(kind, number, digits, labels), folder, number)
                show(kind.__name__, count(model, folder, is_doubtful=kind in DOUBTFUL))
        if (root / "paper").exists():
            print("12 MP")
            show_times(root / "paper")


if __name__ == "__main__":
    main()
