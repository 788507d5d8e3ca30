"""What a guarded local Kafka adds to a node's properties: TLS and SASL listeners, users, and an authorizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ops.local.kafka_node import ListenerSpec, NodeExtras
from tests.support.certificates import Authority, KeyPair

SECURED_PROTOCOLS: Final = ("SSL", "SASL_SSL", "SASL_PLAINTEXT")
"""Each is a listener of its own name."""
_SCRAM: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_PLAIN_MODULE: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"
NODE_NAME: Final = "kafka-node"
"""Common name of the nodes' certificate; anyone who shows it is the super user."""


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How the nodes of a cluster are guarded; what no ACL allows is refused.

    A client certificate's common name and a SASL user name are the same principal, `User:<name>`.
    """

    authority: Authority
    node: KeyPair = field(init=False)
    """Of the nodes: server certificate, and client certificate between them."""
    users: Mapping[str, str]
    """Password by user, for PLAIN and both SCRAMs alike."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "node", self.authority.issue(NODE_NAME))

    def extras(self) -> NodeExtras:
        """What every node gets: a listener for each protocol, under its name, and who may do what."""
        return NodeExtras(
            {name: ListenerSpec(name) for name in SECURED_PROTOCOLS},
            "SSL",
            self._properties(),
            self._format_arguments(),
            self._super_user(),
        )

    def _properties(self) -> dict[str, object]:
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.node.both_path,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority.certificate_path,
            # Otherwise Kafka would know a client by its whole distinguished name.
            "ssl.principal.mapping.rules": r"RULE:^CN=([^,]+).*$/$1/,DEFAULT",
            **{f"listener.name.{name}.ssl.client.auth": "required" for name in ("internal", "controller", "ssl")},
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{NODE_NAME}",
            **self._sasl_properties("sasl_ssl"),
            **self._sasl_properties("sasl_plaintext"),
        }

    def _format_arguments(self) -> list[str]:
        """Of the tool that formats a node's log: SCRAM users are part of the cluster's first state."""
        entries = [f"{kind}=[name={name},password={word}]" for name, word in self.users.items() for kind in _SCRAM]
        return [word for entry in entries for word in ("--add-scram", entry)]

    def _super_user(self) -> dict[str, Any]:
        """Configure a librdkafka client that may do everything, at the nodes' internal listener."""
        return {
            "security.protocol": "SSL",
            "ssl.ca.location": str(self.authority.certificate_path),
            "ssl.certificate.location": str(self.node.certificate_path),
            "ssl.key.location": str(self.node.key_path),
        }

    def _sasl_properties(self, listener: str) -> dict[str, object]:
        users = " ".join(f'user_{name}="{word}"' for name, word in self.users.items())
        prefix = f"listener.name.{listener}"
        return {
            f"{prefix}.sasl.enabled.mechanisms": ",".join(("PLAIN", *_SCRAM)),
            f"{prefix}.plain.sasl.jaas.config": f"{_PLAIN_MODULE} required {users};",
            **{f"{prefix}.{kind.lower()}.sasl.jaas.config": f"{_SCRAM_MODULE} required;" for kind in _SCRAM},
        }
