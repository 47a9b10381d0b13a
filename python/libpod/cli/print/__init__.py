"""Output: escaping, tables, templates, sizes, progress."""
