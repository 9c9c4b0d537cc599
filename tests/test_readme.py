"""The README's Python runs from top to bottom, and prints what it says."""

import contextlib
import io
import pathlib
import re

README = pathlib.Path(__file__).parents[1] / 'README.md'
BLOCKS = re.findall(r'```(python|text)\n(.*?)```', README.read_text(), flags=re.DOTALL)


def test_readme_code_prints_what_the_readme_shows():
    namespace: dict = {}
    printed = ''
    compared = 0
    for kind, text in BLOCKS:
        if kind == 'python':
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, 'README.md', 'exec'), namespace)
            printed = out.getvalue()
        else:
            assert printed == text
            compared += 1
    assert compared == 2


def test_readme_starts_with_the_six_line_model():
    kind, text = BLOCKS[0]
    assert kind == 'python'
    assert 'def GRULM(' in text
    assert len(text.strip().splitlines()) <= 8
