"""Measure the sign "unlike any digit": how many test digits get it, and how many other images.

For each checkpoint, the share of the MNIST test digits, letters, scribbles and noise that

- `sign`: the program marks (core/novelty; it does not depend on the network),
- `energy`: the energy of the network's logits would mark (Liu et al., 2020), with a threshold that
  marks as many test digits as the sign: why the sign is not made of the logits alone.

Letters are drawn with Pillow in the fonts of this machine, thickened and warped like handwriting,
and converted as own images are. O, o, I and l are left out: they are 0 and 1. Letters with the
shape of a digit are counted apart (SHAPED). The method was chosen with other letters (CHOSEN_WITH)
in other fonts (DejaVu), other scribbles, and training digits; those letters are shown apart too.

    python benchmarks/unlike.py [--data DIR] CHECKPOINT ...
"""

import argparse
import math
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from throughput import find_mnist

from core.checkpoints.io import load_model
from core.data.images import read_image
from core.data.local_datasets import load_local
from core.errors import DataError
from core.models.inference import predict
from core.novelty.sign import find_detector

FONTS = Path("/usr/share/fonts/truetype/liberation")  # of Debian's fonts-liberation
STYLES = ("Sans-Regular", "Sans-Italic", "Mono-Regular", "Serif-Regular", "Serif-Italic")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz"
CHOSEN_WITH = LETTERS[::2]
# Each has the shape of a digit: 0, 1, 2, 5, 6, 8 or 9, 9, 9.
SHAPED = "DQJijZzSsGbBgqy"
SIDE, EACH = 160, 5  # pixels; images of a letter in a font

Ink = numpy.ndarray  # (SIDE, SIDE), 0 paper to 1 ink


@lru_cache
def load_font(style: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / f"Liberation{style}.ttf", 84)


def draw_letter(letter: str, style: str, chance: random.Random) -> Ink:
    image = Image.new("L", (SIDE, SIDE))
    middle = SIDE / 2, SIDE / 2
    ImageDraw.Draw(image).text(middle, letter, fill=255, font=load_font(style), anchor="mm")
    return thicken(warp(image, chance), chance.choice((1, 3, 5, 7)))


def warp(image: Image.Image, chance: random.Random) -> Image.Image:
    """Turn, slant, stretch and bend an image by a random mesh."""
    turn, slant = chance.uniform(-0.2, 0.2), chance.uniform(-0.2, 0.2)
    wide, high = math.exp(chance.uniform(-0.2, 0.2)), math.exp(chance.uniform(-0.2, 0.2))
    cells = 8
    size = SIDE // cells
    corners = {}
    for row in range(cells + 1):
        for column in range(cells + 1):
            x, y = column * size - SIDE / 2, row * size - SIDE / 2
            x, y = (x + slant * y) * wide, y * high
            corners[row, column] = (
                x * math.cos(turn) - y * math.sin(turn) + SIDE / 2 + chance.gauss(0, 1.5),
                x * math.sin(turn) + y * math.cos(turn) + SIDE / 2 + chance.gauss(0, 1.5),
            )
    mesh = []
    for row in range(cells):
        for column in range(cells):
            box = (column * size, row * size, (column + 1) * size, (row + 1) * size)
            around = ((0, 0), (1, 0), (1, 1), (0, 1))
            points = [corners[row + down, column + right] for down, right in around]
            mesh.append((box, tuple(value for point in points for value in point)))
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def thicken(image: Image.Image, width: int) -> Ink:
    if width > 1:
        image = image.filter(ImageFilter.MaxFilter(width))
    return numpy.asarray(image, dtype=float) / 255


def draw_scribble(chance: random.Random) -> Ink:
    """Draw one to three smooth curves through random points."""
    image = Image.new("L", (SIDE, SIDE))
    drawing, half = ImageDraw.Draw(image), chance.randint(6, 12) / 2
    for _ in range(chance.randint(1, 3)):
        points = [(chance.uniform(30, 130), chance.uniform(30, 130)) for _ in range(8)]
        points = points[: chance.randint(4, 8)]
        for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
            for step in range(40):  # of a Catmull-Rom curve from b to c
                x, y = (catmull_rom(*axis, step / 40) for axis in zip(a, b, c, d, strict=True))
                drawing.ellipse((x - half, y - half, x + half, y + half), fill=255)
    return numpy.asarray(image, dtype=float) / 255


def catmull_rom(a: float, b: float, c: float, d: float, t: float) -> float:
    rest = (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3
    return (2 * b + (c - a) * t + rest) / 2


def on_paper(ink: Ink, chance: random.Random) -> Image.Image:
    image = Image.fromarray((255 - 255 * ink).astype(numpy.uint8))
    return image.filter(ImageFilter.GaussianBlur(chance.uniform(0.5, 1.5)))


def photograph_paper(chance: random.Random) -> Image.Image:
    """Return a photograph of blank paper: noise of the camera, fibres, uneven light."""
    values = numpy.random.default_rng(chance.getrandbits(32))
    side = chance.randint(60, 400)
    fibres = values.normal(size=(chance.randint(4, 40),) * 2).astype(numpy.float32)
    coarse = Image.fromarray(fibres).resize((side, side), Image.Resampling.BICUBIC)
    slope = numpy.linspace(-1, 1, side)
    light = slope[:, None] * chance.uniform(-30, 30) + slope * chance.uniform(-30, 30)
    grain = values.normal(size=(side, side)) * chance.uniform(1, 12)
    grey = chance.uniform(120, 235) + grain + numpy.asarray(coarse) * chance.uniform(0, 12) + light
    image = Image.fromarray(numpy.clip(grey, 0, 255).astype(numpy.uint8))
    return image.filter(ImageFilter.GaussianBlur(chance.choice((0.0, 1.0, 2.0))))


def draw_noise(chance: random.Random) -> bytes:
    """Return a network's input of random grey values, at a random share of the pixels."""
    share = chance.uniform(0.02, 0.6)
    return bytes(chance.randrange(256) if chance.random() < share else 0 for _ in range(784))


def convert(image: Image.Image) -> bytes | None:
    """Convert a grey image as the program does with own images; None where it finds no ink."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "image.png")
        image.save(path, compress_level=0)
        try:
            return read_image(path)[0].pixels
        except DataError:
            return None


def make_images(count: int, seed: int, make: Callable[[random.Random], bytes | None]):
    """Return uint8 images (N, 28, 28), and how many were refused because no ink was found."""
    found = [make(random.Random(f"{seed} {number}")) for number in range(count)]
    pixels = [each for each in found if each]
    values = torch.frombuffer(bytearray(b"".join(pixels)), dtype=torch.uint8)
    return values.view(-1, 28, 28), count - len(pixels)


def make_letters(letters: str) -> torch.Tensor:
    parts = []
    for letter in letters:
        for style in STYLES:

            def make(chance, letter=letter, style=style):
                return convert(on_paper(draw_letter(letter, style, chance), chance))

            parts.append(make_images(EACH, ord(letter) * 100 + len(style), make)[0])
    return torch.cat(parts)


def energy_of(model: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda images: -predict(model, images).logsumexp(1)


def make_kinds(digits: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the images (N, 28, 28) of each kind, by what the table calls them."""
    own = [each for each in LETTERS if each not in SHAPED]
    scribbles, _ = make_images(
        1000, 12, lambda chance: convert(on_paper(draw_scribble(chance), chance))
    )
    paper, blank = make_images(1000, 32, lambda chance: convert(photograph_paper(chance)))
    return {
        "test digits": digits,
        "letters": make_letters("".join(each for each in own if each not in CHOSEN_WITH)),
        "letters chosen with, other fonts": make_letters(
            "".join(each for each in own if each in CHOSEN_WITH)
        ),
        f"shaped as a digit: {SHAPED}": make_letters(SHAPED),
        "scribbles": scribbles,
        "noise": make_images(500, 7, draw_noise)[0],
        f"blank paper ({blank} of 1,000 refused: no ink)": paper,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoints", nargs="*", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--by-letter", action="store_true", help="print the share of each letter")
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    if not FONTS.exists():
        parser.error(f"the fonts in {FONTS} are missing: apt-get install fonts-liberation")
    tensors = load_local("mnist", options.data)
    assert tensors is not None
    kinds = make_kinds(tensors.test_images)
    detector = find_detector("mnist", options.data)
    assert detector is not None
    scores = {"sign, any network": (detector.score, detector.threshold)}
    share = detector.find_unlike(tensors.test_images).count(True) / len(tensors.test_images)
    for path in options.checkpoints:
        info, model = load_model(path)
        energy = energy_of(model)
        scores[f"energy, {info.arch}"] = (
            energy,
            float(energy(tensors.test_images).quantile(1 - share)),
        )
    width = max(map(len, kinds))
    print(f"{'flagged':{width}}   images" + "".join(f"{name:>19}" for name in scores))
    for kind, images in kinds.items():
        shares = [(score(images) > most).float().mean() for score, most in scores.values()]
        print(f"{kind:{width}}{len(images):9,}" + "".join(f"{share:19.1%}" for share in shares))
    if options.by_letter:
        shares = {each: detector.find_unlike(make_letters(each)) for each in LETTERS}
        print(" ".join(f"{each} {sum(found) / len(found):.0%}" for each, found in shares.items()))


if __name__ == "__main__":
    main()
