"""Networks on the host: which there are, the bridge of one, its published ports, what a container's names resolve to.

On the way of `run`: `bridge` (one file's existence, one flag), `dns` (two small texts), `ports` (with `-p` only). The slow side:
`manager` lists and shows networks, `host` makes a bridge with pyroute2. Attaching a container is `rust/network`.
What is refused: IPv6 subnets, internal networks, drivers other than `bridge`; an error says so.
"""
