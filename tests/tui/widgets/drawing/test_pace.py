"""What is put off is drawn once, in its newest state."""

import asyncio

from tui.widgets.drawing.pace import Pace


async def test_newest_state_is_drawn_in_the_end():
    states, drawn = [], []

    def draw():
        if pace.is_due():
            drawn.append(states[-1])

    pace = Pace(0.02, draw)
    for state in range(1, 200):
        states.append(state)
        draw()
        await asyncio.sleep(0.0005)
    await asyncio.sleep(0.1)
    assert drawn[0] == 1
    assert drawn[-1] == 199
    assert len(drawn) < 50
    assert drawn == sorted(set(drawn))
