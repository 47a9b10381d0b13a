"""Networks on the host: bridges, addresses, base firewall rules."""
