"""Containers: model, runtime spec, lifecycle, exec, logs."""
