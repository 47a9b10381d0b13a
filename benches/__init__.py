"""Benchmarks beside real peers: every figure is a ratio of paired runs on one machine."""
