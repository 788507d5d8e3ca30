"""YAML for files that people edit, policies and prototypes: no duplicate keys, and no words that become booleans."""

from __future__ import annotations

from typing import Any

import yaml

from streams.decision.policy_checks import InvalidPolicy


class PolicyLoader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """A safe loader for which `NO` is Norway, and a duplicate key is an error."""

    # A policy has no booleans, but YAML 1.1 reads NO, ON and Y as such.
    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML's own attribute)
        first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:bool"]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse duplicate keys, then build the mapping."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, f"a key is a {key.id}; each key has to be one word", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} is given twice; each key may stand once", key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def parse_yaml(content: bytes) -> object:
    """Parse one document in UTF-8. Raises InvalidPolicy, which quotes line and column."""
    try:
        return _parsed(content.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidPolicy(f"not YAML in UTF-8: {error}") from error


def _parsed(text: str) -> object:
    try:
        return yaml.load(text, Loader=PolicyLoader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError:
        raise
    except Exception as error:  # PyYAML's constructors may raise any error for a value with a wrong tag
        raise yaml.YAMLError(f"a value is not what its tag says: {error!r}") from error
