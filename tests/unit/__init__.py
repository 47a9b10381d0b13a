"""A lane of the tests: see tests/README.md."""
