"""Text from elsewhere, made safe to show in a terminal and in a log."""


def printable(text: str) -> str:
    """The text on one line, with every sign that shows nothing, or steers what shows it, written as an escape.

    Those are line feeds, control characters (ESC begins what a terminal obeys), and Unicode's invisible signs,
    of which some turn the direction of what follows (U+202E).
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
