"""Sphinx settings. Nothing is fetched from a network; warnings are errors in `make docs`."""

import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))

project = "Latebloom"
author = "The Latebloom authors"
release = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "generated_tables",
    "ledger_page",
    "plain_docstrings",
    "reference_pages",
    "study_notes",
]
exclude_patterns = ["_ext"]
default_role = "code"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"exclude-members": "model_config"}
napoleon_use_ivar = True  # an "Attributes:" section describes fields that autodoc may list itself
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"Latebloom {release}"
html_static_path = ["_static"]
html_show_copyright = False
