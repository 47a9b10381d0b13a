"""The network of a container: its namespace, what it is attached to, ports, name servers and hosts."""

from __future__ import annotations

from libpod.errors import InvalidError, UnsupportedError
from libpod.network.attachment import INTERFACE, Attachment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from libpod.container.namespaces import Namespace
    from libpod.container.options import NetworkOptions
    from libpod.container.settings import ContainerSettings


def judge_network(
    settings: ContainerSettings, options: NetworkOptions, image: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    """Fill in the network of `settings`.

    Raises: InvalidError in Podman's words; UnsupportedError for several networks, aliases and user-mode networks.
    """
    attachments = options.attachments
    if options.namespace is None:
        from libpod.container.options.words import parse_network

        settings.network, usual = parse_network([defaults["netns"]])
        if attachments and not (attachments[0].name or attachments[0].id):
            attachments[0].name = usual.name
        attachments = attachments or [usual]
    else:
        settings.network = _checked_namespace(options.namespace)
    _check_attachments(settings.network, attachments)
    if settings.network.kind == "bridge":
        settings.networks = attachments or [Attachment()]
    _judge_names(settings, options, defaults)
    _judge_ports(settings, options, image)


def _checked_namespace(namespace: Namespace) -> Namespace:
    if (namespace.kind == "container") != bool(namespace.target):
        raise InvalidError("invalid config provided: namespace mode container requires a value")
    if namespace.kind not in ("bridge", "none", "host", "container"):
        raise InvalidError(f"unrecognized namespace mode {namespace} passed")
    return namespace


def _check_attachments(namespace: Namespace, attachments: list[Attachment]) -> None:
    for attachment in attachments:
        if namespace.kind != "bridge":
            if attachment.address or attachment.mac:
                option = "--ip" if attachment.address else "--mac-address"
                raise InvalidError(f"{option} can only be set when the network mode is bridge: invalid argument")
            if attachment.name or attachment.id:
                raise InvalidError(
                    f"a container is attached to the network {attachment.name or attachment.id} when the network mode"
                    f" is bridge, not {namespace}"
                )
        if attachment.aliases:
            raise UnsupportedError("the network option `alias` is not supported by this version of libpod")
        if attachment.interface != INTERFACE:
            raise UnsupportedError("the network option `interface_name` is not supported by this version of libpod")
        if attachment.address or attachment.mac:
            from libpod.address import parse_address, parse_mac

            attachment.address = str(parse_address(attachment.address)) if attachment.address else ""
            attachment.mac = parse_mac(attachment.mac) if attachment.mac else ""
    if len(attachments) > 1:
        raise UnsupportedError("more than one network for a container is not supported by this version of libpod")


def _judge_ports(settings: ContainerSettings, options: NetworkOptions, image: Mapping[str, Any]) -> None:
    settings.publish_all = options.publish_all
    texts = image.get("ExposedPorts") or ()
    if not (options.ports or options.exposed or texts):
        return
    from libpod.network import ports

    for port in options.exposed:
        ports.check_exposed(port)
    exposed = [*ports.parse_exposed(texts), *options.exposed]
    settings.exposed = list(dict.fromkeys(map(str, exposed)))
    settings.ports = ports.publish(options.ports, exposed if options.publish_all else ())


def _judge_names(settings: ContainerSettings, options: NetworkOptions, defaults: Mapping[str, Any]) -> None:
    servers, keeps_image = options.dns, options.image_resolv_conf
    if servers and keeps_image:
        raise InvalidError("none is not allowed to be specified with other DNS ip addresses")
    if not servers and not keeps_image and defaults["dns_servers"]:
        from libpod.container.options.words import parse_servers

        servers, keeps_image = parse_servers(defaults["dns_servers"])
    if keeps_image:
        for given, name in ((options.dns_search, "DNSSearch"), (options.dns_options, "DNSOption")):
            if given:
                raise InvalidError(
                    f"invalid config provided: UseImageResolvConf and {name} are mutually exclusive options"
                )
    settings.dns = ["none"] if keeps_image else list(map(str, servers))
    mode = settings.network.kind
    said = options.dns or options.image_resolv_conf or options.dns_search or options.dns_options
    if mode in ("none", "container") and said:
        raise InvalidError(f"conflicting options: dns and the network mode: {mode}")
    if mode == "container" and options.hosts:
        raise InvalidError(
            "invalid config provided: cannot set extra host entries when the container is joined to another containers"
            " network namespace: invalid configuration"
        )
    settings.dns_search = options.dns_search or list(defaults["dns_searches"])
    settings.dns_options = options.dns_options or list(defaults["dns_options"])
    settings.no_hosts = defaults["no_hosts"] if options.no_hosts is None else options.no_hosts
    if options.no_hosts and options.hosts:
        raise InvalidError("--no-hosts and --add-host cannot be set together")
    settings.hosts = [_host(name, address) for name, address in options.hosts]


def _host(name: str, address: str) -> str:
    """Return a name and its address as container.json has them."""
    from libpod.address import is_address

    if not name or ":" in name:
        raise InvalidError(f'bad format for add-host: "{name}:{address}"')
    if not is_address(address):
        raise InvalidError(f'invalid IP address in add-host: "{address}"')
    return f"{name}:{address}"
