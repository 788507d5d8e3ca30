"""`vidsignal access`: the rights of each role on Kafka and in Redis, as lines to run."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.access.kafka_acls import kafka_acls, user_of
from ops.access.redis_rules import redis_line, redis_rules
from ops.access.roles import ACCESS, RoleAccess, UnknownRole, find_roles
from ops.cli.console import fail, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode

app = typer.Typer(help="Print the rights that each role needs.", no_args_is_help=True)

Role = Annotated[str | None, typer.Option(help=f"One of {', '.join(role.name for role in ACCESS)}; all by default.")]


@app.command()
def kafka(
    role: Role = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object an entry.")] = False,
) -> None:
    """Print one line of Kafka's own tool for each access control entry; the users are named like the roles."""
    settings = settings_or_exit()
    for acl in (acl for found in _roles(role) for acl in kafka_acls(settings, found)):
        if json_output:
            print_json(acl)
        else:
            typer.echo(acl.command(settings.kafka_bootstrap_servers))


@app.command()
def redis(
    role: Role = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a user.")] = False,
) -> None:
    """Print one line for `redis-cli` for each user; passwords are set separately and kept when it is sent again."""
    settings = settings_or_exit()
    for found in _roles(role):
        if json_output and found.uses_store:
            print_json({"user": user_of(settings, found), "rules": redis_rules(settings, found)})
        elif line := redis_line(settings, found):
            typer.echo(line)


def _roles(name: str | None) -> tuple[RoleAccess, ...]:
    try:
        return find_roles(name)
    except UnknownRole as error:
        fail(str(error), ExitCode.USAGE)
