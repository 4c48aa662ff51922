"""What there is to say of a checkpoint that was verified, or trained from again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.drawing import file_size

if TYPE_CHECKING:
    from core.again import Difference
    from core.replaying import Replayed
    from core.verifying import Verified


def sign(verified: Verified) -> str:
    return "✓" if verified.ok else "✗"


def verdict(verified: Verified) -> str:
    """In words that go after the file's name."""
    if verified.fault is not None:
        return verified.fault
    return f"as it was saved; {verified.note}" if verified.note else "as it was saved"


def summary(found: list[Verified]) -> str:
    """One line: how many are as they were saved, and how much there was to read."""
    damaged = sum(not each.ok for each in found)
    read = file_size(sum({each.file or each.path: each.bytes for each in found}.values()))
    checkpoints = "1 checkpoint" if len(found) == 1 else f"{len(found):,} checkpoints"
    if not damaged:
        verb = "is as it was" if len(found) == 1 else "are as they were"
        return f"{checkpoints}, {read}: {'it' if len(found) == 1 else 'all'} {verb} saved"
    verb = "is" if damaged == 1 else "are"
    return f"{checkpoints}, {read}: {damaged:,} {verb} not as saved"


def replay_lines(replayed: Replayed) -> list[str]:
    """What there is to say of it, the answer first."""
    name = f"{replayed.path.parent.name}/{replayed.path.stem}"
    difference = replayed.difference
    if difference is None:
        lines = [f"✓ identical: {_count(replayed.steps, 'step')} after {name}, {_held(replayed)}"]
    else:
        lines = [f"✗ {_where(difference)} after {name}"]
        lines.append(
            f"  {difference.what} is {difference.found}, and in {difference.against} "
            f"{difference.expected}"
        )
        lines += [f"  may be why: {each}" for each in replayed.causes]
    return lines + [f"  {each}" for each in replayed.notes]


def _where(difference: Difference) -> str:
    if difference.first == difference.last:
        return f"differs at step {difference.first:,}"
    return f"differs between steps {difference.first:,} and {difference.last:,}"


def _held(replayed: Replayed) -> str:
    """With what they were compared."""
    held = []
    if replayed.stretches:
        held.append(f"{_count(replayed.stretches, 'stretch', 'stretches')} of the record")
    if replayed.scores:
        held.append(_count(replayed.scores, "test score"))
    if replayed.checkpoints:
        held.append(f"{' and '.join(replayed.checkpoints)} to the bit")
    if replayed.twice:
        held.append("and the same when made twice" if held else "made twice, each loss and the end")
    return ", ".join(held)


def _count(number: int, one: str, more: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"
