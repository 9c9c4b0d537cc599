"""The settings of the documentation site: `make docs`."""

from pygments.lexers.python import PythonLexer
from sphinx.highlighting import lexers

import retrax

lexers['gin'] = PythonLexer()  # gin's files read almost like Python

project = 'retrax'
author = 'the retrax authors'
version = release = retrax.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
]
source_suffix = {'.md': 'markdown'}
myst_heading_anchors = 3
exclude_patterns = ['_build']
suppress_warnings = [
    'myst.xref_missing',  # links out of docs/, which work in the repository
    'ref.python',  # a name that several pages have, such as LayerError
]

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # the docstrings say shapes, which types do not
autodoc_preserve_defaults = True

html_theme = 'furo'
html_title = 'retrax'
