"""The quizzes for Moodle and Canvas: `python -m publish.quiz_exports [FOLDER]`, build/quiz if no folder is given.

Each lesson's quiz becomes NN_name.gift.txt, which Moodle imports, and NN_name.qti.zip, which Canvas imports. The order
of the options is not that of the lesson, which has all the answers, and it is the same in every run.
"""

import os
import random
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from text2qti.config import Config
from text2qti.qti import QTI
from text2qti.quiz import Quiz

from . import BUILD, fresh, quizzes
from .quizzes import LETTERS, Question

# Moodle's MathJax filter wants \(…\).
MARKDOWN = MarkdownIt().use(dollarmath_plugin, renderer=lambda formula, _: rf"\({escape(formula)}\)")


def shuffled(questions: Iterable[Question]) -> Iterator[Question]:
    """Yield each question with its options in another order.

    The places of the right options are dealt like cards, without putting any back before all were dealt, so that no
    letter is right more often than another. The wrong ones are shuffled with a seed of the question's own.
    """
    dealer, cards = random.Random(0), {}
    for question in questions:
        size = len(question.options)
        if not cards.get(size):
            cards[size] = dealer.sample(range(size), size)
        options = [option for option in question.options if not option.right]
        random.Random(question.text).shuffle(options)
        options.insert(cards[size].pop(), next(option for option in question.options if option.right))
        yield replace(question, options=tuple(options))


def gift(title: str, questions: Iterable[Question]) -> str:
    """Return a quiz in Moodle's GIFT format. A blank line ends a question, so each text is one line."""
    parts = [f"// {title}: BERT by Hand", f"$CATEGORY: BERT by Hand/{title}"]
    for number, question in enumerate(questions, 1):
        lines = [f"::{gift_text(title)} {number}::[html]{gift_text(MARKDOWN.render(question.markdown))}{{"]
        for option in question.options:
            text, feedback = (gift_text(MARKDOWN.renderInline(part)) for part in (option.text, option.feedback))
            lines.append(f"{'=' if option.right else '~'}{text}#{feedback}")
        parts.append("\n".join([*lines, "}"]))
    return "\n\n".join(parts) + "\n"


def gift_text(text: str) -> str:
    """Return a text on one line, with a backslash before each character that means something in GIFT."""
    return re.sub(r"[\\~=#{}:]", r"\\\g<0>", text.strip()).replace("\n", r"\n")


def qti(title: str, questions: Iterable[Question]) -> bytes:
    """Return a quiz as a zip of QTI 1.2, Canvas's dialect of it, by way of text2qti's Markdown."""
    parts = [f"Quiz title: {title}"]
    for number, question in enumerate(questions, 1):
        lines = [f"Title: {title} {number}", indented(f"{number}.", question.markdown), ""]
        for letter, option in zip(LETTERS.lower(), question.options):
            lines.append(indented(f"*{letter})" if option.right else f"{letter})", option.text))
            lines.append(indented("...", option.feedback))
        parts.append("\n".join(lines))
    return QTI(Quiz("\n\n".join(parts) + "\n", config=Config())).zip_bytes()  # never the user's configuration


def indented(mark: str, text: str) -> str:
    """Return a text of text2qti: a mark, and all lines from the same column on."""
    return f"{mark:<4}" + textwrap.indent(text, "    ").lstrip()


def write(folder: Path) -> list[Path]:
    """Write both formats of every quiz into a folder, which is emptied first; return the files."""
    folder, written = fresh(folder), []
    sources = quizzes.sources()
    read = {source: quizzes.read(source) for source in sources}
    order = shuffled(question for questions in read.values() for question in questions)
    for source, lesson in sources.items():
        title = re.search(r"^# (.+)$", lesson.read_text(encoding="utf-8"), re.MULTILINE)[1]
        questions = [next(order) for _ in read[source]]
        written += [folder / f"{source.stem}.gift.txt", folder / f"{source.stem}.qti.zip"]
        written[-2].write_text(gift(title, questions), encoding="utf-8")
        written[-1].write_bytes(qti(title, questions))
    return written


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD / "quiz"
    print(f"{os.path.relpath(target)}: {len(write(target))} files written")
