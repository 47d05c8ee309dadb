"""Scoring logs that are larger than memory, part by part."""
