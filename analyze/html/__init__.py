"""Pages to look at: one self-contained HTML file that opens offline.

collect.py runs the reports, encode.py turns their answers into JSON, report.py says what the page of a capture is made
of, page.py puts all into one file, with the style and the scripts of assets/ and the plotting library of vendor/
(docs/decisions/0008-page.md).
"""
