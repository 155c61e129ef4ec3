"""The service: takes a bundle, keeps items and their codes, answers cross-modal searches. Never imports ``training``."""
