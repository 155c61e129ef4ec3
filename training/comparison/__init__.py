"""Runs side by side: what ``python -m training compare`` shows as a page and as Markdown, and a page of results as tables."""

from training.comparison.cells import cell_records
from training.comparison.markdown import render_markdown, render_overview
from training.comparison.runs import RunRecord, load_runs

__all__ = ["RunRecord", "cell_records", "load_runs", "render_markdown", "render_overview"]
