"""What the terminal can show: colours, characters, its size, and what is between it and us."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from core.doctor.check import OK, WARNING, Check

GROUP = "Terminal"
COLUMNS, ROWS = 80, 24
UTF8 = "utf-8", "utf8"


@dataclass(frozen=True)
class TerminalFacts:
    terminal: bool = True  # whether stdout is one
    columns: int = COLUMNS
    rows: int = ROWS
    term: str = "xterm-256color"  # TERM
    colorterm: str = ""  # COLORTERM
    no_color: bool = False
    encoding: str = "utf-8"
    utf8_locale: bool = True  # where it is none, Python alone speaks UTF-8
    tmux: bool = False
    screen: bool = False
    ssh: str = ""  # where the connection comes from


def read_terminal() -> TerminalFacts:
    size = shutil.get_terminal_size()
    told = os.environ.get
    return TerminalFacts(
        terminal=sys.stdout.isatty(),
        columns=size.columns,
        rows=size.lines,
        term=told("TERM", ""),
        colorterm=told("COLORTERM", ""),
        no_color=bool(told("NO_COLOR")),
        encoding=sys.stdout.encoding or "",
        # Python's answer to the locale C, to none, and to one that is not installed.
        utf8_locale=not sys.flags.utf8_mode or bool(told("PYTHONUTF8")),
        tmux=bool(told("TMUX")),
        screen=bool(told("STY")),
        ssh=next(iter(told("SSH_CONNECTION", "").split()), ""),
    )


def judge_terminal(facts: TerminalFacts) -> Iterator[Check]:
    if facts.terminal:
        yield _judge_size(facts)
        yield _judge_colours(facts)
    else:
        what = "none here: this goes to a file or a pipe, and mnist-tui would train without the app"
        yield Check(GROUP, "terminal", OK, what)
    yield _judge_encoding(facts)
    if facts.tmux or facts.screen:
        name = "tmux" if facts.tmux else "screen"
        what = f"inside {name}: what runs here outlives a dropped line"
        advice = f"on a slow line: mnist-tui --slow-link, since {name} hides from it how slow it is"
        yield Check(GROUP, name, OK, what, advice)
    if facts.ssh:
        what = f"from {facts.ssh}: a training outlives the line, and mnist-tui attach follows it"
        advice = "to need no line at all: train --detach; on a slow one: mnist-tui --slow-link"
        yield Check(GROUP, "SSH", OK, what, advice, {"from": facts.ssh})


def _judge_size(facts: TerminalFacts) -> Check:
    what = f"{facts.columns}×{facts.rows}, {facts.term or 'of no name'}"
    figures = {"columns": facts.columns, "rows": facts.rows, "term": facts.term}
    if facts.term in ("", "dumb", "unknown"):
        advice = "export TERM=xterm-256color; as it is, the app cannot be shown"
        return Check(GROUP, "terminal", WARNING, what, advice, figures)
    if facts.columns < COLUMNS or facts.rows < ROWS:
        advice = f"make the window {COLUMNS}×{ROWS} or larger: in a smaller one the app shows less"
        return Check(GROUP, "terminal", WARNING, what, advice, figures)
    return Check(GROUP, "terminal", OK, what, figures=figures)


def _judge_colours(facts: TerminalFacts) -> Check:
    if facts.no_color:
        what = "none, since NO_COLOR is set"
        return Check(GROUP, "colours", OK, what)
    if facts.colorterm in ("truecolor", "24bit"):
        return Check(GROUP, "colours", OK, "16 million (truecolor)")
    if "256color" in facts.term or facts.term.endswith("-direct"):
        advice = ""
        if facts.tmux:
            advice = (
                "for all colours put this into ~/.tmux.conf: set -ga terminal-overrides "
                '",*:Tc", and export COLORTERM=truecolor'
            )
        return Check(GROUP, "colours", OK, "256", advice)
    advice = "export TERM=xterm-256color, if this terminal knows them: nearly all do"
    if facts.tmux or facts.screen:
        name = "tmux" if facts.tmux else "screen"
        setting = "set -g default-terminal tmux-256color" if facts.tmux else "term screen-256color"
        advice = f"put this into ~/.{name}{'.conf' if facts.tmux else 'rc'}: {setting}"
    return Check(GROUP, "colours", WARNING, "16 or fewer", advice)


def _judge_encoding(facts: TerminalFacts) -> Check:
    figures = {"encoding": facts.encoding, "utf8_locale": facts.utf8_locale}
    if facts.encoding.lower() not in UTF8:
        advice = "export LANG=C.UTF-8; until then the app can be set to ASCII (ctrl+p, ascii)"
        what = f"{facts.encoding or 'of no encoding'}, which has no signs, blocks and braille"
        return Check(GROUP, "characters", WARNING, what, advice, figures)
    if facts.utf8_locale:
        return Check(GROUP, "characters", OK, "UTF-8", figures=figures)
    what = "UTF-8, though the locale is not (LANG, LC_ALL)"
    # It is they who draw the screen, and they go by the locale.
    verdict = WARNING if facts.tmux or facts.screen else OK
    advice = "export LANG=C.UTF-8 before tmux or screen is started: else they show _ for the rest"
    return Check(GROUP, "characters", verdict, what, advice, figures)
