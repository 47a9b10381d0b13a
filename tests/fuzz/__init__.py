"""Fuzz targets of the Python parsers of foreign input. The Rust ones are in `rust/fuzz`."""
