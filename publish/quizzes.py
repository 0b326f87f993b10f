"""The lessons' quizzes, from lessons/quizzes/ into the lessons: `python -m publish.quizzes`.

A source is a YAML list of questions. Each has a `question` and its `options`, in the order in which they are shown; an
option has a `text`, its `feedback`, and `right: true` if it is the answer. All text is Markdown with $math$. A question
that is answered by running code has `code`: up to four lines of Python, imports included, which print one line. Its
options are such lines, in backticks, and a test runs the code to see that it prints the right one.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import ROOT

LETTERS = "ABCD"
SHORTEST = 30  # characters of feedback: less than that explains nothing
INTRO = (
    "Answer before you look. If a question has code, predict what it prints, and then run it, in a notebook or in "
    "Python from the repository's top folder.\n\n"
)
SECTION = re.compile(r"(?<=^## Quiz\n).*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Option:
    text: str
    feedback: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    text: str
    options: tuple[Option, ...]
    code: str = ""

    @property
    def markdown(self) -> str:
        """Return the text, followed by the code if there is any."""
        return f"{self.text}\n\n```python\n{self.code}\n```" if self.code else self.text

    @property
    def key(self) -> str:
        """Return the letter of the right option."""
        return next(letter for letter, option in zip(LETTERS, self.options) if option.right)


def sources(root: Path = ROOT) -> dict[Path, Path]:
    """Return the source of each quiz and the lesson of the same stem, in the order of the course."""
    return {path: root / "lessons" / f"{path.stem}.md" for path in sorted((root / "lessons/quizzes").glob("*.yaml"))}


def read(path: Path) -> list[Question]:
    """Read the questions of a source.

    Raises ValueError, with the file and the question, for the first thing that is wrong.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path.name} is not a list of questions.")
    return [parse(entry, f"Question {number} of {path.name}") for number, entry in enumerate(entries, 1)]


def parse(entry: dict, name: str) -> Question:
    """Return an entry of a source as a question; name is what an error calls it. Raises ValueError."""
    check_keys(entry, {"question", "options"}, {"code"}, name)
    text = words(entry["question"], f"The text of {lower(name)}")
    code = words(entry["code"], f"The code of {lower(name)}") if "code" in entry else ""
    lines = list(filter(None, code.splitlines()))
    if len(lines) > 4 or any(len(line) > 80 for line in lines):
        raise ValueError(f"{name} has code of more than four lines, or a line of more than 80 characters.")
    if re.search(r"^##", text, re.MULTILINE):
        raise ValueError(f"{name} has a line that starts with ##, which would end it in the lesson.")
    if not isinstance(entry["options"], list) or not 3 <= len(entry["options"]) <= len(LETTERS):
        raise ValueError(f"{name} does not have 3 to {len(LETTERS)} options.")
    options = tuple(
        parse_option(option, f"Option {letter} of {lower(name)}") for letter, option in zip(LETTERS, entry["options"])
    )
    if (right := sum(option.right for option in options)) != 1:
        raise ValueError(f"{name} has {right} right options instead of one.")
    if len({option.text for option in options}) < len(options):
        raise ValueError(f"{name} has the same option twice.")
    if code and not all(re.fullmatch("`[^`]+`", option.text) for option in options):
        raise ValueError(f"{name} has code, and an option that is not a printed line in backticks.")
    return Question(text, options, code)


def parse_option(entry: dict, name: str) -> Option:
    """Return an option of a question; name is what an error calls it. Raises ValueError."""
    check_keys(entry, {"text", "feedback"}, {"right"}, name)
    text, feedback = (words(entry[key], f"The {key} of {lower(name)}") for key in ("text", "feedback"))
    if "\n" in text + feedback:
        raise ValueError(f"{name} has more than one line of text or feedback.")
    if len(feedback) < SHORTEST:
        raise ValueError(f"{name} has feedback of {len(feedback)} characters, and {SHORTEST} are the least.")
    if feedback.startswith(("Right. ", "No. ")):
        raise ValueError(f"{name} has feedback that starts with Right or No, which the lesson adds by itself.")
    if not isinstance(right := entry.get("right", False), bool):
        raise ValueError(f"{name} has {right!r} for right instead of true.")
    return Option(text, feedback, right)


def check_keys(entry: dict, needed: set[str], allowed: set[str], name: str) -> None:
    """Raise ValueError if an entry lacks a key, or has one that is neither needed nor allowed."""
    if not isinstance(entry, dict):
        raise ValueError(f"{name} has no keys.")
    if unknown := entry.keys() - needed - allowed:
        raise ValueError(f"{name} has the unknown key {sorted(map(str, unknown))[0]!r}.")
    if missing := needed - entry.keys():
        raise ValueError(f"{name} has no {sorted(missing)[0]!r}.")


def words(value: object, name: str) -> str:
    """Return a text without the space around it; name is what an error calls it. Raises ValueError."""
    if value is None:
        value = ""
    if not isinstance(value, str):  # an unquoted 0.80 would be shown as 0.8, and an unquoted no as False
        raise ValueError(f"{name} is {value!r} to YAML and no text: put it in quotes.")
    if not (text := value.strip()):
        raise ValueError(f"{name} is empty.")
    return text


def lower(name: str) -> str:
    """Return a name with a small first letter, for the middle of a sentence."""
    return name[0].lower() + name[1:]


def render(questions: list[Question]) -> str:
    """Return questions as a lesson shows them: Markdown, with the answers folded."""
    return INTRO + "\n".join(render_question(number, question) for number, question in enumerate(questions, 1))


def render_question(number: int, question: Question) -> str:
    """Return one question as Markdown, with its heading."""
    shown = list(zip(LETTERS, question.options))
    options = "".join(f"- **{letter}** {option.text}\n" for letter, option in shown)
    answers = "".join(
        f"- **{letter}** {'Right' if option.right else 'No'}. {option.feedback}\n" for letter, option in shown
    )
    folded = f"<details><summary>Answer</summary>\n\n{answers}\n</details>\n"
    return f"### Question {number}\n\n{question.markdown}\n\n{options}\n{folded}"


def place(lesson: str, rendered: str) -> str:
    """Return a lesson's text with this quiz under `## Quiz`. Raises ValueError unless it has one such heading."""
    if len(found := list(SECTION.finditer(lesson))) != 1:
        raise ValueError(f"there are {len(found)} headings `## Quiz` instead of one.")
    start, end = found[0].span()
    return f"{lesson[:start]}\n{rendered}\n{lesson[end:]}".rstrip("\n") + "\n"


def write(root: Path = ROOT) -> list[Path]:
    """Render every source into its lesson, and return the lessons that changed. An error leaves all as they were."""
    changed = {}
    for source, lesson in sources(root).items():
        rendered, text = render(read(source)), lesson.read_text(encoding="utf-8")
        try:
            new = place(text, rendered)
        except ValueError as error:
            raise ValueError(f"{lesson.name} cannot show its quiz: {error}") from error
        if new != text:
            changed[lesson] = new
    for lesson, text in changed.items():
        lesson.write_text(text, encoding="utf-8")
    return list(changed)


if __name__ == "__main__":
    try:
        lessons = write()
    except (FileNotFoundError, ValueError) as refused:
        sys.exit(str(refused))
    print(*(path.relative_to(ROOT).as_posix() for path in lessons) if lessons else ["Every quiz is up to date."])
