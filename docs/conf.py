"""The settings of the documentation site: `make docs`."""

import logging
import sys
from pathlib import Path

from pygments.lexers.python import PythonLexer
from sphinx.highlighting import lexers

import retrax

sys.path.insert(0, str(Path(__file__).parent))  # the extension beside this file
logging.getLogger('jax').setLevel(logging.WARNING)  # that there is no TPU is no news here

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
    'plain_docstrings',
]
source_suffix = {'.md': 'markdown'}
myst_heading_anchors = 3
exclude_patterns = ['_build']
suppress_warnings = [
    'myst.xref_missing',  # links out of docs/, which work in the repository
    'ref.python',  # a name that several pages have, such as LayerError
]

autodoc_member_order = 'alphabetical'
autodoc_typehints = 'none'  # the docstrings say shapes, which types do not
autodoc_preserve_defaults = True

smartquotes = False  # shapes have three dots, and are copied
highlight_language = 'none'  # formulas and commands are no Python

html_theme = 'furo'
html_static_path = ['_static']
html_css_files = ['site.css']
html_title = 'retrax'
