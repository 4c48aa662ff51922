"""Lines of words and keys that can be clicked, as a view has them at its top."""

from collections.abc import Iterable

from textual.content import Content

GAP = "  "


def clicked(text: Content, action: str) -> Content:
    """An action without a namespace is the view's."""
    return text.stylize(f"@click={action if '.' in action else f'screen.{action}'}")


def key(name: str, text: str, action: str) -> Content:
    """A key, and what it does or what it has been set to."""
    shown = Content.styled(name, "bold")
    return clicked(shown + Content(f" {text}") if text else shown, action)


def choices(named: Iterable[tuple[str, str]], here: str) -> Content:
    """Each a name and its action, beside one another; that of the name `here` is marked."""
    return Content("").join(
        clicked(Content(f" {name} ").stylize("reverse bold" if name == here else ""), action)
        for name, action in named
    )


def between(back: Content, text: Content, forth: Content) -> Content:
    return Content(" ").join([back, text, forth])


def line(*parts: Content) -> Content:
    return Content(GAP).join(part for part in parts if part)
