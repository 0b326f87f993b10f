"""The quizzes for Moodle and Canvas say what their sources say: both formats are read back and compared."""

import io
import os
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from publish import copies, quiz_exports, quizzes
from publish.quizzes import LETTERS, Option, Question

ROOT = Path(__file__).parents[2]
SOURCES = quizzes.sources()
ASKED = {source.stem: quizzes.read(source) for source in SOURCES}
XML = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"

# Everything that one of the formats could trip over.
HARD = Question(
    r"Is {a: b} ~ c = #1 < 2 & 3, *not* $\frac{a}{b} = x_{1} \neq \nu$ or `x['~\n'] = {1: 2} -> <b>`: 50%?",
    (
        Option("`{1: 2}`", "That's `~` and $\\alpha < 1$: no more than {that}, *so* there.", True),
        Option("`x % 50`", 'It says "no" = #2, and `C:\\new\\~temp` isn\'t it.'),
        Option("`a//b`", "$CATEGORY: x isn't a category here, and // no comment."),
    ),
    'for x in {"a": 1}:\n    if x != "\\n":\n        print(f"{x}~#=$")',
)


class Markdown(HTMLParser):
    """The Markdown that HTML of ours was made from. Anything that we do not write is an error."""

    marks = {"em": "*", "code": "`", "p": ""}

    def __init__(self, html: str):
        super().__init__()
        self.text, self.inside = "", []
        self.feed(html)
        self.close()
        assert not self.inside, f"not closed: {self.inside}"
        self.text = re.sub(r"\\\((.*?)\\\)", r"$\1$", self.text.strip()).translate(str.maketrans("‘’“”", "''\"\""))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            assert attributes["class"] == "equation_image", "a formula for Canvas"
            self.text += f"${attributes['data-equation-content']}$"
            return
        self.inside.append(tag)
        if tag == "span":
            assert attributes == {"class": "math inline"}
        elif tag == "pre":
            self.text += "\n\n```"
        elif tag == "code" and "pre" in self.inside:
            self.text += attributes["class"].removeprefix("language-") + "\n"
        else:
            self.text += self.marks[tag]

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag
        if tag == "pre":
            self.text += "```"
        elif not (tag == "span" or tag == "code" and "pre" in self.inside):
            self.text += self.marks[tag]

    def handle_data(self, data):
        if "code" in self.inside or data != "\n":  # what is between two paragraphs
            self.text += data


def question_of(html: str, options: list[Option]) -> Question:
    text, _, code = Markdown(html).text.partition("\n\n```python\n")
    return Question(text, tuple(options), code.removesuffix("\n```"))


def option_of(text: str, feedback: str, right: bool) -> Option:
    return Option(Markdown(text).text, Markdown(feedback).text, right)


def read_gift(text: str) -> tuple[str, list[Question]]:
    """Read a GIFT file as Moodle does: return its category and its questions. Strict: what is unclear is an error."""
    plain = r"((?:\\[\\~=#{}:n]|[^\\~=#{}:\n])+)"  # no mark of GIFT but with a backslash, and no line break

    def unescaped(text: str) -> str:
        return re.sub(r"\\(.)", lambda mark: "\n" if mark[1] == "n" else mark[1], text)

    lines = [line.strip() for line in text.splitlines() if not line.startswith("//")]  # comments go, and indents
    category, *blocks = re.split(r"\n{2,}", "\n".join(lines).strip())
    questions = []
    for number, block in enumerate(blocks, 1):
        head, *options, end = block.split("\n")
        name, html = re.fullmatch(rf"::{plain}::\[html\]{plain}\{{", head).groups()
        assert unescaped(name).endswith(f" {number}") and end == "}"
        found = [re.fullmatch(rf"([=~]){plain}#{plain}", option).groups() for option in options]
        assert not any(text.startswith("%") for _, text, _ in found), "that would be a weight"
        answers = [option_of(unescaped(text), unescaped(feedback), mark == "=") for mark, text, feedback in found]
        questions.append(question_of(unescaped(html), answers))
    return re.fullmatch(r"\$CATEGORY: (.+)", category)[1], questions


def read_qti(zipped: bytes) -> tuple[str, list[Question]]:
    """Read a zip of QTI 1.2 as Canvas does: return the quiz's title and its questions."""
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        manifest = archive.read("imsmanifest.xml").decode()
        files = re.findall(r'<file href="([^"]+)"', manifest)
        assert len(files) == 2 and set(files) <= set(archive.namelist())
        quiz = ElementTree.fromstring(archive.read(next(name for name in files if "assessment_meta" not in name)))
    questions = []
    for item in quiz.iter(f"{XML}item"):
        fields = [field.text for field in item.iter(f"{XML}fieldentry")]
        assert fields[:2] == ["multiple_choice_question", "1"]
        html = item.find(f"{XML}presentation/{XML}material/{XML}mattext").text
        conditions = item.findall(f"{XML}resprocessing/{XML}respcondition")
        [right] = [each.find(f".//{XML}varequal").text for each in conditions if each.find(f"{XML}setvar") is not None]
        said = {each.get("ident"): each.find(f".//{XML}mattext").text for each in item.iter(f"{XML}itemfeedback")}
        links = {
            each.find(f".//{XML}varequal").text: each.find(f"{XML}displayfeedback").get("linkrefid")
            for each in conditions
            if each.find(f"{XML}displayfeedback") is not None
        }
        labels = {each.get("ident"): each.find(f".//{XML}mattext").text for each in item.iter(f"{XML}response_label")}
        assert labels.keys() == links.keys() and set(links.values()) == said.keys()
        options = [option_of(text, said[links[ident]], ident == right) for ident, text in labels.items()]
        questions.append(question_of(html, options))
    return quiz.find(f"{XML}assessment").get("title"), questions


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """What `make quiz` writes, with a home of its own, where text2qti could leave a file."""
    folder = tmp_path_factory.mktemp("quizzes")
    command = [sys.executable, "-m", "publish.quiz_exports", str(folder / "quiz")]
    environment = os.environ | {"HOME": str(folder), "USERPROFILE": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "16 files written" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["quiz"]
    return folder / "quiz"


def test_each_lesson_has_both_formats(exported):
    assert sorted(path.name for path in exported.iterdir()) == sorted(
        f"{name}{suffix}" for name in ASKED for suffix in (".gift.txt", ".qti.zip")
    )


@pytest.mark.parametrize("name", ASKED)
def test_both_formats_say_what_the_source_says(exported, name):
    heading = re.search(r"^# (.+)$", (ROOT / "lessons" / f"{name}.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
    category, moodle = read_gift((exported / f"{name}.gift.txt").read_text(encoding="utf-8"))
    title, canvas = read_qti((exported / f"{name}.qti.zip").read_bytes())
    assert (category, title) == (f"BERT by Hand/{heading}", heading)
    assert moodle == canvas, "in the same order"
    for question, source in zip(moodle, ASKED[name], strict=True):
        assert (question.text, question.code) == (source.text, source.code)
        assert set(question.options) == set(source.options) and len(question.options) == len(source.options)


@pytest.mark.parametrize("export, read", [(quiz_exports.gift, read_gift), (quiz_exports.qti, read_qti)])
def test_what_means_something_in_a_format_is_only_text_there(export, read):
    asked = [HARD, Question("And this?", HARD.options)]
    title, found = read(export("09 · Hard", asked))
    assert title.endswith("09 · Hard") and found == asked


def test_gift_that_is_not_escaped_is_found():
    sound = quiz_exports.gift("09 · Hard", [HARD])
    for mark in (r"\~", r"\=", r"\#", r"\{", r"\}", r"\:"):
        with pytest.raises((AttributeError, ValueError, AssertionError)):
            read_gift(sound.replace(mark, mark[1]))
    with pytest.raises((AttributeError, ValueError, AssertionError)):
        read_gift(sound.replace("<pre>", "<pre>\n\n"))


def test_options_are_shuffled_and_keys_balanced():
    asked = [question for questions in ASKED.values() for question in questions]
    dealt = list(quiz_exports.shuffled(asked))
    assert dealt == list(quiz_exports.shuffled(asked)), "the same in every run"
    assert sum(new.options != old.options for new, old in zip(dealt, asked)) > 0.9 * len(asked)
    for size in {len(question.options) for question in asked}:
        keys = [question.key for question in dealt if len(question.options) == size]
        counts = [keys.count(letter) for letter in LETTERS[:size]]
        assert max(counts) - min(counts) <= 1
    same_key = sum(new.key == old.key for new, old in zip(dealt, asked))
    assert same_key < len(asked) / 2, "the lesson's letters are not the key"


def test_student_copies_hold_no_quiz(tmp_path):
    copies.copy("student", tmp_path)
    handed_out = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in handed_out} == {".ipynb", ".svg", ".md"}
    assert [path.name for path in handed_out if path.suffix == ".md"] == ["AGENTS.md"]
