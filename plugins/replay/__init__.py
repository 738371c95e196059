"""Past sessions decided again from what was known then, beside what was decided."""
