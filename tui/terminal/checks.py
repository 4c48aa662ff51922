"""doctor's checks of the terminal: its size, colours and characters, tmux, screen and SSH."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from core.doctor.check import OK, WARNING, Check

GROUP = "Terminal"
COLUMNS, ROWS = 80, 24
TMUX_TRUECOLOR = (
    'for all colours add to ~/.tmux.conf: set -ga terminal-overrides ",*:Tc", '
    "and export COLORTERM=truecolor"
)


@dataclass(frozen=True)
class TerminalFacts:
    terminal: bool = True  # whether stdout is a terminal
    columns: int = COLUMNS
    rows: int = ROWS
    term: str = "xterm-256color"  # TERM
    colorterm: str = ""  # COLORTERM
    no_color: bool = False
    encoding: str = "utf-8"
    utf8_locale: bool = True  # if not, only Python itself uses UTF-8
    tmux: bool = False
    screen: bool = False
    ssh: str = ""  # the client's address


def read_terminal() -> TerminalFacts:
    size = shutil.get_terminal_size()
    get = os.environ.get
    return TerminalFacts(
        terminal=sys.stdout.isatty(),
        columns=size.columns,
        rows=size.lines,
        term=get("TERM", ""),
        colorterm=get("COLORTERM", ""),
        no_color=bool(get("NO_COLOR")),
        encoding=sys.stdout.encoding or "",
        # Python switches to UTF-8 if the locale is C, missing or not installed.
        utf8_locale=not sys.flags.utf8_mode or bool(get("PYTHONUTF8")),
        tmux=bool(get("TMUX")),
        screen=bool(get("STY")),
        ssh=next(iter(get("SSH_CONNECTION", "").split()), ""),
    )


def judge_terminal(facts: TerminalFacts) -> Iterator[Check]:
    if facts.terminal:
        yield _judge_size(facts)
        yield _judge_colours(facts)
    else:
        what = "stdout is a file or a pipe: mnist-tui trains without the app here"
        yield Check(GROUP, "terminal", OK, what)
    yield _judge_encoding(facts)
    if facts.tmux or facts.screen:
        name = "tmux" if facts.tmux else "screen"
        what = f"inside {name}: programs keep running when the connection drops"
        advice = f"over a slow connection use mnist-tui --slow-link: {name} hides how slow it is"
        yield Check(GROUP, name, OK, what, advice)
    if facts.ssh:
        what = f"from {facts.ssh}: training continues after a disconnect; mnist-tui attach shows it"
        advice = "train --detach needs no connection; over a slow one use mnist-tui --slow-link"
        yield Check(GROUP, "SSH", OK, what, advice, {"from": facts.ssh})


def _judge_size(facts: TerminalFacts) -> Check:
    what = f"{facts.columns}×{facts.rows}, {facts.term or 'TERM is not set'}"
    data = {"columns": facts.columns, "rows": facts.rows, "term": facts.term}
    advice = ""
    if facts.term in ("dumb", "unknown"):
        advice = "export TERM=xterm-256color: without it mnist-tui trains without the app"
    elif facts.columns < COLUMNS or facts.rows < ROWS:
        advice = f"make the window {COLUMNS}×{ROWS} or larger: a smaller one shows less"
    return Check(GROUP, "terminal", WARNING if advice else OK, what, advice, data)


def _judge_colours(facts: TerminalFacts) -> Check:
    if facts.no_color:
        return Check(GROUP, "colours", OK, "none: NO_COLOR is set")
    if facts.colorterm in ("truecolor", "24bit"):
        return Check(GROUP, "colours", OK, "16 million (truecolor)")
    if "256color" in facts.term or facts.term.endswith("-direct"):
        return Check(GROUP, "colours", OK, "256", TMUX_TRUECOLOR if facts.tmux else "")
    advice = "export TERM=xterm-256color: nearly all terminals support it"
    if facts.tmux:
        advice = "add to ~/.tmux.conf: set -g default-terminal tmux-256color"
    elif facts.screen:
        advice = "add to ~/.screenrc: term screen-256color"
    return Check(GROUP, "colours", WARNING, "16 or fewer", advice)


def _judge_encoding(facts: TerminalFacts) -> Check:
    data = {"encoding": facts.encoding, "utf8_locale": facts.utf8_locale}
    if facts.encoding.lower() not in ("utf-8", "utf8"):
        advice = "export LANG=C.UTF-8; until then the app can be set to ASCII (ctrl+p, ascii)"
        what = f"{facts.encoding or 'no encoding'}: no symbols, blocks or braille"
        return Check(GROUP, "characters", WARNING, what, advice, data)
    if facts.utf8_locale:
        return Check(GROUP, "characters", OK, "UTF-8", figures=data)
    what = "UTF-8, but the locale is not (LANG, LC_ALL)"
    # tmux and screen draw by the locale.
    verdict = WARNING if facts.tmux or facts.screen else OK
    advice = "export LANG=C.UTF-8 before starting tmux or screen: else they show _ for symbols"
    return Check(GROUP, "characters", verdict, what, advice, data)
