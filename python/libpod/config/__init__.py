"""Where settings come from: one module per file of the ecosystem, in its order of look-up."""
