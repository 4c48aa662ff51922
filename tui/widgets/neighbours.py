"""Which widget is beside another one, for arrow keys that leave a list at its edge."""

from collections.abc import Iterable

from textual.geometry import Region
from textual.widget import Widget


def next_to(here: Region, others: Iterable[Widget], rows: int, columns: int) -> Widget | None:
    """Return the nearest widget beside a region in a direction: -1 or 1 rows, or columns."""

    def gap(there: Region) -> int:
        if columns:
            return there.x - here.right if columns > 0 else here.x - there.right
        return there.y - here.bottom if rows > 0 else here.y - there.bottom

    def overlap(there: Region) -> int:
        if columns:
            return min(here.bottom, there.bottom) - max(here.y, there.y)
        return min(here.right, there.right) - max(here.x, there.x)

    found = [each for each in others if gap(each.region) >= 0 and overlap(each.region) > 0]
    return min(found, key=lambda each: (gap(each.region), -overlap(each.region)), default=None)
