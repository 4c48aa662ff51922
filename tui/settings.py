"""How a person wants to see things; nothing of it touches the run."""

from dataclasses import dataclass, replace

SMOOTHINGS = (0.0, 0.6, 0.9)
# The article raises the softmax temperature so that more than one bar shows.
TEMPERATURES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True)
class Settings:
    log_scale: bool = False
    smoothing: float = 0.6
    temperature: float = 3.0
    first_digit: int = 0

    def with_next_smoothing(self) -> "Settings":
        place = SMOOTHINGS.index(self.smoothing) + 1
        return replace(self, smoothing=SMOOTHINGS[place % len(SMOOTHINGS)])

    def with_temperature(self, steps: int) -> "Settings":
        """So many steps warmer, or colder."""
        place = TEMPERATURES.index(self.temperature) + steps
        return replace(self, temperature=TEMPERATURES[max(0, min(place, len(TEMPERATURES) - 1))])
