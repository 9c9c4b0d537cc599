"""The README's Python runs from top to bottom, and prints what it says."""

import pages


def test_readme_code_prints_what_the_readme_shows():
    assert pages.run('README.md') == 2


def test_readme_starts_with_the_six_line_model():
    kind, text = pages.blocks('README.md')[0]
    assert kind == 'python'
    assert 'def GRULM(' in text
    assert len(text.strip().splitlines()) <= 8
