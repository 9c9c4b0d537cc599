"""A section of a Markdown page, written anew in its place."""

import re


def put(page: str, text: str) -> str:
    """Returns a page with a section in the place of the one with its title, or at the end."""
    title = text.partition('\n')[0]
    pattern = rf'^{re.escape(title)}\n.*?(?=^## |\Z)'
    without = re.sub(pattern, '', page, flags=re.DOTALL | re.MULTILINE)
    at = re.search(pattern, page, re.DOTALL | re.MULTILINE)
    start = at.start() if at else len(without)
    before, after = without[:start].rstrip('\n'), without[start:]
    return '\n\n'.join(part for part in (before, text, after.strip('\n')) if part) + '\n'
