"""A text as documents, which have nothing to do with each other.

A form feed ends a document; in a text that has none a blank line does.
"""

DOCUMENT_END = '\f'


def documents_of(text: str) -> list[str]:
    """Returns the documents of a text; empty ones are none.

    >>> documents_of('one\\n\\ntwo\\nlines\\n'), documents_of('one\\n\\nstill one\\ftwo')
    (['one', 'two\\nlines\\n'], ['one\\n\\nstill one', 'two'])
    """
    end = DOCUMENT_END if DOCUMENT_END in text else '\n\n'
    return [document for document in text.split(end) if document.strip()]
