"""Sphinx's settings for the site. `publish.site` lays out the pages and calls Sphinx."""

project = "BERT by Hand"
author = "the BERT by Hand authors"
copyright = "the BERT by Hand authors. Text and figures: CC BY 4.0; code: Apache-2.0."
language = "en"

extensions = ["myst_nb"]
nb_execution_mode = "off"  # the committed outputs are the result, and the tests compare them
nb_code_prompt_show = "Show {type}"
nb_code_prompt_hide = "Hide {type}"
nb_render_markdown_format = "myst"  # tables in outputs
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]

html_theme = "furo"
html_title = "BERT by Hand"
html_static_path = ["static"]
html_css_files = ["site.css"]
# Search shows extracts, which it fetches; a page opened as a file may not fetch.
html_js_files = [
    (None, {"body": "DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol != 'file:';"}),
    ("quiz.js", {"defer": "defer"}),
]
html_favicon = "static/icon.svg"
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
mathjax_path = "mathjax/tex-chtml.js"  # copied from its package
