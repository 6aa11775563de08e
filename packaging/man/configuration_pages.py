"""slackd.toml(5) and slackd-plugin.toml(5), made of docs/configuration.md, which has every key.

    configuration_pages.py FOLDER

One text, two forms: a test holds that page to the keys that the code knows.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
DATE: Final = "2026-11-28"
PAGES: Final = {
    "slackd.toml.5": (
        "slackd.toml, apps.d/NAME.toml",
        "configuration of slackd",
        "/etc/slackd/slackd.toml, /etc/slackd/apps.d/NAME.toml",
        "slackd.toml",
    ),
    "slackd-plugin.toml.5": (
        "slackd\\-plugin.toml, plugins.d/NAME.toml",
        "declaration of a plugin of slackd",
        "/etc/slackd/plugins.d/NAME.toml",
        "plugins.d/NAME.toml",
    ),
}
"""File -> names, what they are, where they stand, and the heading of their part of the document."""
SEE_ALSO: Final = r"""
.BR slackd (8),
.BR slackctl (8),
.BR slackd.toml (5),
.BR slackd\-plugin.toml (5),
.BR systemd\-creds (1)
""".lstrip()


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        (folder / name).write_text(page(name, SOURCE.read_text()))
    return 0


def page(name: str, document: str) -> str:
    """One man page, in roff."""
    title, about, synopsis, heading = PAGES[name]
    preface, *parts = re.split(r"(?m)^## ", document)
    bodies = {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in parts}
    text = f'.TH {name.removesuffix(".5").upper().replace("-", chr(92) + "-")} 5 {DATE} slackd "File Formats"\n'
    text += f".SH NAME\n{title} \\- {about}\n.SH SYNOPSIS\n.I {inline(synopsis)}\n.SH DESCRIPTION\n"
    text += "".join(roff(bodies[heading]))
    text += ".SH ALL FILES\n" + "".join(roff(preface.split("\n", 1)[1]))
    return f"{text}.SH SEE ALSO\n{SEE_ALSO}"


def roff(markdown: str) -> Iterator[str]:
    """Blocks of Markdown as roff: headings, fenced and indented code, tables, paragraphs."""
    markdown = re.sub(r"(?s)```\w*\n(.*?)```", lambda found: indented(found[1]), markdown)
    for block in re.split(r"\n{2,}(?!    )", markdown.strip("\n")):
        if not block.strip():
            continue
        if block.startswith("    "):
            code = "\n".join(literal(line.removeprefix("    ")) for line in block.splitlines())
            yield f".PP\n.EX\n{code}\n.EE\n"
        elif block.startswith("### "):
            title, _, rest = block.removeprefix("### ").partition("\n")
            yield f".SS {inline(title.replace('`', ''))}\n"
            if rest.strip():
                yield from roff(rest)
        elif block.startswith("| "):
            yield from rows(block.splitlines()[2:])
        else:
            yield f".PP\n{inline(' '.join(block.split()))}\n"


def indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.splitlines())


def rows(lines: list[str]) -> Iterator[str]:
    """Each row a tagged paragraph: the key, its default in brackets, what it means."""
    for line in lines:
        first, *others = (cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|")))
        *defaults, meaning = others
        default = f" ({inline(defaults[0])})" if defaults and defaults[0] else ""
        words = inline(meaning) or "\\&"
        yield f".TP\n{inline(first)}{default}\n{words}\n"


def inline(text: str) -> str:
    """Bold, code and links of Markdown; what roff takes for its own is escaped."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    pieces = re.split(r"(`[^`]*`|\*\*.+?\*\*)", text)
    made = ""
    for piece in pieces:
        if piece.startswith("`") and len(piece) > 1:
            made += f"\\fB{literal(piece[1:-1])}\\fR"
        elif piece.startswith("**"):
            made += f"\\fI{literal(piece[2:-2].replace('`', ''))}\\fR"
        else:
            made += literal(piece)
    return made


def literal(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    text = text.replace('"', "\\(dq") if text.startswith('"') else text
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    sys.exit(main())
