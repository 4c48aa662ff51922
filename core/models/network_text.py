"""Read a network that is written as a line of text: "conv 32 3 pad 1, relu, maxpool 2, linear".

Layers are separated by commas. `3 x (conv 32 3 pad 1, relu)` repeats layers, and `skip (…)` adds
the input of its layers to their output (He et al., "Deep residual learning for image
recognition", 2015). The last layer is a `linear`, which needs no number: it has as many outputs as
there are classes. No torch here: network_layers.py computes shapes, build_network.py modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from core.errors import UsageError, closest_match, printable
from core.models.layer_kinds import KINDS, Number

# So that a text from a file builds nothing large.
LONGEST_TEXT, MOST_LAYERS, DEEPEST = 2048, 64, 8
SOFTMAX = ("softmax", "logsoftmax", "log_softmax")
SOFTMAX_HINT = "end with linear: the loss includes softmax"
TOKEN = re.compile(r"\s*(?:([0-9]*\.[0-9]+|[0-9]+)|([A-Za-z_][A-Za-z_0-9]*|[×])|(.))", re.DOTALL)

REPEAT, SKIP = "repeat", "skip"
BLOCKS = (REPEAT, SKIP)


@dataclass(frozen=True)
class Node:
    """A layer, or a block of layers.

    `kind` is one of KINDS with its `numbers` (of `conv` channels, kernel size, stride and padding;
    none of the last `linear`), or one of BLOCKS with its `body`; of `repeat` the number is how
    often. `place` is where it stands in the text: the first character, and the one after the last.
    """

    kind: str
    numbers: tuple[float, ...] = ()
    body: tuple[Node, ...] = ()
    place: tuple[int, int] = field(default=(0, 0), compare=False)

    def __str__(self) -> str:
        """Return the text of this node, in the one way that all texts of it are stored in."""
        inner = f"({format_nodes(self.body)})"
        if self.kind in BLOCKS:
            return f"skip {inner}" if self.kind == SKIP else f"{self.numbers[0]:g} x {inner}"
        kind = KINDS[self.kind]
        count = len(kind.numbers)
        parts = [self.kind, *map(_format, self.numbers[:count])]
        for option, value in zip(kind.options, self.numbers[count:], strict=False):
            parts += [option.name, _format(value)] if value != option.default else []
        return " ".join(parts)

    @property
    def layers(self) -> int:
        """The number of layers, those of a repeated block each time."""
        inner = sum(each.layers for each in self.body)
        return inner * int(self.numbers[0]) if self.kind == REPEAT else inner or 1


def _format(value: float) -> str:
    if value == int(value):
        return str(int(value))
    from decimal import Decimal  # few texts have fractions

    return format(Decimal(repr(value)), "f")


def format_nodes(nodes: Sequence[Node]) -> str:
    return ", ".join(map(str, nodes))


def normalize_text(text: str) -> str:
    """Return a network's text as it is stored, in one form and without the number of its last
    layer, which follows from the dataset. Raises NetworkTextError, but not of shapes."""
    nodes = parse_network(text)
    return format_nodes((*nodes[:-1], Node("linear")))


class NetworkTextError(UsageError):
    """The text is not a valid network. `place` is the part that is wrong, as in Node."""

    def __init__(self, message: str, place: tuple[int, int] = (0, 0)) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Token:
    text: str
    is_number: bool
    place: tuple[int, int]


@lru_cache(maxsize=256)
def parse_network(text: str) -> tuple[Node, ...]:
    """Return the layers of a text, whose last is a `linear`. Raises NetworkTextError.

    Shapes are not checked here.
    """
    if len(text) > LONGEST_TEXT:
        raise NetworkTextError(
            f"a network can have {LONGEST_TEXT:,} characters, and this has {len(text):,}"
        )
    nodes = _Parser(text).parse()
    if (count := sum(each.layers for each in nodes)) > MOST_LAYERS:
        raise NetworkTextError(f"a network can have {MOST_LAYERS} layers, and this has {count:,}")
    last = nodes[-1]
    if last.kind != "linear":
        raise NetworkTextError(
            f"{shorten(str(last))}: the last layer must be a linear, which needs no number",
            last.place,
        )
    return nodes


class _Parser:
    """Reads one text by recursive descent."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_split(text))
        self.at = 0

    def parse(self) -> tuple[Node, ...]:
        if not self.tokens:
            raise NetworkTextError("a network needs at least one layer, such as linear")
        nodes = self._list(0)
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            problem = "unmatched" if token.text == ")" else "a comma is missing before"
            raise NetworkTextError(f"{problem} {_quoted(token.text)}", token.place)
        return nodes

    def _next(self) -> str:
        """Return the text of the next token, empty at the end."""
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def _list(self, depth: int) -> tuple[Node, ...]:
        nodes = [self._item(depth)]
        while self._next() == ",":
            self.at += 1
            nodes.append(self._item(depth))
        return tuple(nodes)

    def _item(self, depth: int) -> Node:
        if self._next() in ("", ",", ")"):
            self._fail("a layer is missing", self.at - 1)
        start, token = self.at, self.tokens[self.at]
        self.at += 1
        if token.is_number:
            return self._repeat(start, token, depth)
        name = token.text.casefold()
        if name == SKIP:
            return self._block(Node(SKIP), start, depth)
        if name not in KINDS:
            near = closest_match(name, [*KINDS, SKIP])
            hint = f"did you mean {near}?" if near else f"there are {', '.join(KINDS)} and skip"
            hint = SOFTMAX_HINT if name in SOFTMAX else hint
            what = _quoted(token.text)
            raise NetworkTextError(f"there is no layer {what}; {hint}", token.place)
        return self._layer(name, start)

    def _repeat(self, start: int, token: Token, depth: int) -> Node:
        if self._next().casefold() not in ("x", "×"):
            what = _quoted(token.text)
            self._fail(f"expected a layer, not {what}; 3 x (…) repeats layers", start)
        self.at += 1
        number = Number("how often a block is repeated", below=MOST_LAYERS + 1)
        times = self._check(number, token, f"{shorten(token.text)} x")
        return self._block(Node(REPEAT, (times,)), start, depth)

    def _block(self, node: Node, start: int, depth: int) -> Node:
        name = self._text(start)
        if self._next() != "(":
            raise NetworkTextError(f"{name}: a ( must follow, as in {name} (…)", self._place(start))
        if depth == DEEPEST:
            raise NetworkTextError(
                f"blocks can be {DEEPEST} deep, and this is deeper", self._place(start)
            )
        self.at += 1
        body = self._list(depth + 1)
        if self._next() != ")":
            problem = "a ) is missing" if not self._next() else "a comma or ) is missing"
            self._fail(f"{problem} after {shorten(str(body[-1]))}", self.at - 1)
        self.at += 1
        return Node(node.kind, node.numbers, body, self._place(start))

    def _layer(self, name: str, start: int) -> Node:
        kind = KINDS[name]
        given: list[Token] = []
        while self.at < len(self.tokens) and self.tokens[self.at].is_number:
            given.append(self.tokens[self.at])
            self.at += 1
        options: dict[str, Token] = {}
        while self._next() and self._next() not in (",", ")"):
            self._option(name, start, options)
        text, place = self._text(start), self._place(start)
        wanted = kind.numbers if given or not kind.optional else ()
        if len(given) != len(wanted):
            raise NetworkTextError(f"{text}: {_explain_numbers(name, len(given))}", place)
        numbers = [
            self._check(each, token, text) for each, token in zip(wanted, given, strict=True)
        ]
        for each in kind.options:
            found = options.get(each.name)
            numbers.append(self._check(each, found, text) if found else each.default or 0)
        return Node(name, tuple(numbers), place=place)

    def _option(self, name: str, start: int, options: dict[str, Token]) -> None:
        """Read an option and its number."""
        known = [each.name for each in KINDS[name].options]
        token = self.tokens[self.at]
        option = {"padding": "pad"}.get(token.text.casefold(), token.text.casefold())
        self.at += 1
        if option not in known:
            problem = f"{_quoted(token.text)} is not an option of {name}"
            hint = f"; it has {' and '.join(known)}" if known else ""
            hint = "; a comma is missing before it" if option in KINDS else hint
            if option == "(":
                problem = f"{name} takes its numbers without brackets"
                hint = f", as in {KINDS[name].example}" if KINDS[name].example else ""
            self._fail(f"{self._text(start)}: {problem}{hint}", self.at - 1)
        if option in options:
            self._fail(f"{self._text(start)}: {option} is given twice", self.at - 1)
        if self.at == len(self.tokens) or not self.tokens[self.at].is_number:
            self._fail(f"{self._text(start)}: {option} needs a number", self.at - 1)
        options[option] = self.tokens[self.at]
        self.at += 1

    def _check(self, number: Number, token: Token, text: str) -> float:
        """Return the value of a number. Raises NetworkTextError where it is not allowed."""
        value = float(token.text)
        problem = ""
        if number.whole and not value.is_integer():
            problem = "must be a whole number"
        elif value < number.least:
            problem = f"must be at least {number.least:g}"
        elif value >= number.below:
            limit = (
                f"at most {number.below - 1:,.0f}" if number.whole else f"below {number.below:g}"
            )
            problem = f"must be {limit}"
        if problem:
            raise NetworkTextError(f"{text}: {number.name} {problem}", token.place)
        return value

    def _place(self, start: int) -> tuple[int, int]:
        return self.tokens[start].place[0], self.tokens[self.at - 1].place[1]

    def _text(self, start: int) -> str:
        """Return what was read since a token, for an error."""
        begin, end = self._place(start)
        return shorten(" ".join(self.text[begin:end].split()))

    def _fail(self, message: str, at: int) -> None:
        place = self.tokens[at].place if at >= 0 else (0, 1)
        raise NetworkTextError(message, place)


def _split(text: str) -> Iterator[Token]:
    """Yield numbers, words and signs; any other character is a sign."""
    for found in TOKEN.finditer(text.rstrip()):
        token = found[found.lastindex or 0]
        place = found.span(found.lastindex or 0)
        yield Token(token, found.lastindex == 1, place)
        if found.lastindex == 3 and token not in "(),":
            hint = "; write options as in stride 2" if token == "=" else ""
            raise NetworkTextError(f"unexpected {_quoted(token)}{hint}", place)


def _explain_numbers(name: str, given: int) -> str:
    """Return which numbers a layer needs."""
    kind = KINDS[name]
    if not kind.numbers:
        return f"{name} takes no number"
    needed = " and ".join(each.name for each in kind.numbers)
    if given > len(kind.numbers):
        return f"{name} takes {needed}, and no more numbers"
    return f"{name} needs {needed}, as in {kind.example}"


def _quoted(text: str) -> str:
    return f'"{printable(shorten(text))}"'


def shorten(text: str, most: int = 60) -> str:
    """Return a text, or its beginning."""
    return text if len(text) <= most else text[: most - 1] + "…"
