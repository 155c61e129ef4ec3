"""Runs side by side: what ``python -m training compare`` shows as a page and as Markdown."""

from training.comparison.markdown import render_markdown
from training.comparison.runs import RunRecord, load_runs

__all__ = ["RunRecord", "load_runs", "render_markdown"]
