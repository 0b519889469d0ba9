"""How Sphinx makes the book. `make site` lays the sources out beside this file first (tools/website)."""

import os

project = "xaitutor"
author = "the xaitutor authors"
copyright = "the xaitutor authors, MIT licence"
language = "en"

extensions = ["myst_nb", "sphinx.ext.mathjax"]
root_doc = "index"
exclude_patterns = ["conf.py", "**.ipynb_checkpoints"]

nb_execution_mode = "off"  # what is shown was stored, and is tested elsewhere
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
add_function_parentheses = False
toc_object_entries_show_parents = "hide"
suppress_warnings = ["ref.python", "misc.highlighting_failure", "myst.header"]

html_theme = "sphinx_book_theme"
html_title = "xaitutor"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["course.css"]
html_js_files = [("tables.js", {"defer": "defer"})]
html_copy_source = True  # whoever reads a notebook may take it along
html_show_sourcelink = False
html_use_index = False  # the search finds more
html_sidebars = {"**": ["course-links.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
html_theme_options = {
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": ["copyright.html"],
}

# MathJax and its font are copied into the site: `make site` says so where they are not to be had.
mathjax_path = "mathjax/tex-chtml.js"
mathjax4_config = {
    "options": {"menuOptions": {"settings": {"speech": False, "braille": False, "enrich": False, "assistiveMml": True}}},
    "output": {"font": "mathjax-newcm", "fontPath": "[mathjax]/newcm"},
    "loader": {"load": ["a11y/assistive-mml"]},  # screen readers read formulas as MathML: nothing has to be fetched for that
}

html_favicon = "_static/favicon.svg"
html_context = {"has_studio": os.environ.get("XAITUTOR_SITE_STUDIO") == "1", "default_mode": "auto"}
