"""The label audit: which given labels are likely wrong, and what they should be, for ``python -m training audit``."""

from training.audit.findings import Audit, audit_labels
from training.audit.label_facts import Confusion, LabelFacts, label_facts

__all__ = ["Audit", "Confusion", "LabelFacts", "audit_labels", "label_facts"]
