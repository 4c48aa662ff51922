"""Corruptions: what each does to images, and that it does the same every time."""

import pytest
import torch

from core.data.corruptions import (
    ALL,
    BLOCK,
    CORRUPTIONS,
    blocks,
    corrupt,
    corrupt_block,
    describe_corruption,
    list_levels,
    parse_corruption,
)
from core.errors import UsageError
from core.responses.scores import Corruption

kinds = pytest.mark.parametrize("kind", CORRUPTIONS)


def draw_images(count: int) -> torch.Tensor:
    """Return images of a bar that is bright at one end and is in another place in each."""
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    for place, image in enumerate(images):
        top = 8 + place % 5
        image[top : top + 4, 6:22] = torch.linspace(80, 255, 16).to(torch.uint8)
    return images


IMAGES = draw_images(2 * BLOCK + 50)


@kinds
def test_shape_and_type_stay_and_stronger_is_farther(kind):
    before = IMAGES.clone()
    distances = []
    for each in list_levels(kind):
        images = corrupt(IMAGES, each)
        assert images.shape == IMAGES.shape
        assert images.dtype == torch.uint8
        distances.append((images.float() - IMAGES.float()).abs().mean().item())
    assert distances[0] > 0
    assert distances == sorted(distances)
    assert torch.equal(IMAGES, before), "the images given are left as they are"


@kinds
def test_identity_leaves_the_images(kind):
    identity = Corruption(kind, CORRUPTIONS[kind].identity)
    assert torch.equal(corrupt(IMAGES, identity), IMAGES)


@kinds
def test_seed_decides_every_bit(kind):
    """Whatever the number of threads, and whether images come all at once or by blocks."""
    level = list_levels(kind, seed=3)[2]
    images, threads = corrupt(IMAGES, level), torch.get_num_threads()
    torch.manual_seed(9)
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        assert torch.equal(corrupt(IMAGES, level), images)
    finally:
        torch.set_num_threads(threads)
    for number, block in enumerate(blocks(len(IMAGES))):
        assert torch.equal(corrupt_block(IMAGES[block], number, level), images[block])
    other = corrupt(IMAGES, list_levels(kind, seed=4)[2])
    is_random = kind not in ("blur", "scale", "invert")
    assert torch.equal(other, images) != is_random


def test_other_random_numbers_stay_as_they_are():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    for each in list_levels(ALL):
        corrupt(IMAGES[:3], each)
    assert torch.rand(1) == expected


def test_strengths_are_in_their_units():
    square = torch.zeros(40, 28, 28, dtype=torch.uint8)
    square[:, 10:16, 12:18] = 200
    covered = corrupt(square, Corruption("occlude", 9)) == 128
    assert covered.sum((1, 2)).eq(81).all()
    moved = {
        tuple(image.nonzero()[0].tolist()) for image in corrupt(square, Corruption("shift", 5))
    }
    assert moved == {(5, 12), (15, 12), (10, 7), (10, 17)}
    grey = torch.full((200, 28, 28), 128, dtype=torch.uint8)
    noise = corrupt(grey, Corruption("noise", 20)).float()
    assert noise.mean().item() == pytest.approx(128, abs=0.5)
    assert noise.std().item() == pytest.approx(20, abs=0.5)
    assert corrupt(square, Corruption("invert", 1)).eq(255 - square).all()
    assert corrupt(square, Corruption("invert", 0.5)).unique().numel() == 1
    # A quarter of the area, half as wide; a quarter turn puts a row where a column was.
    halved = corrupt(square, Corruption("scale", 0.5)).float().sum()
    assert halved / square.float().sum() == pytest.approx(0.25, abs=0.02)
    turned = corrupt(square, Corruption("rotate", 90))
    both = {tuple(image.nonzero()[0].tolist()) for image in turned}
    assert both == {(12, 12), (10, 10)}
    blurred = corrupt(square, Corruption("blur", 2)).float()
    assert blurred.sum() / square.float().sum() == pytest.approx(1, abs=0.01)


def test_blocks_hold_every_image_once():
    for count in (1, BLOCK, BLOCK + 1, 1003):
        found = [index for block in blocks(count) for index in range(count)[block]]
        assert sorted(found) == list(range(count))


def test_text_names_kind_and_strength():
    assert parse_corruption("noise:40", 7) == (Corruption("noise", 40, 7),)
    assert [each.strength for each in parse_corruption("scale")] == [0.9, 0.8, 0.7, 0.6, 0.4]
    assert len(parse_corruption("all")) == 5 * len(CORRUPTIONS)
    assert describe_corruption(Corruption("rotate", 30)) == "rotate 30 degrees"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fog", "noise, blur, shift, rotate, scale, invert, occlude, not 'fog'"),
        ("all:3", "not 'all:3'"),
        ("", "not ''"),
        ("noise:", "must be a number, 0 to 1000, not ''"),
        ("noise:nan", "not 'nan'"),
        ("noise:-1", "not '-1'"),
        ("shift:1.5", "in pixels, must be a whole number, 0 to 27, not '1.5'"),
        ("scale:0", "0.1 to 4"),
        ("invert:1.1", "0 to 1,"),
    ],
)
def test_wrong_texts_are_refused(text, message):
    with pytest.raises(UsageError, match=r"^--corrupt ") as refused:
        parse_corruption(text)
    assert message in str(refused.value)
