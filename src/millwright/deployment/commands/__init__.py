"""``mw deploy`` and ``mw deployments``: what is served, and changing it."""

from __future__ import annotations

import click

from millwright.kernel.command_line import LazyGroup

_HERE = "millwright.deployment.commands"
COMMANDS: dict[str, tuple[str, str]] = {
    "list": (f"{_HERE}.listing:list_", "Every deployment, its health, versions and endpoint."),
    "show": (f"{_HERE}.listing:show", "One of them: variants, process, canaries so far."),
    "canary": (f"{_HERE}.traffic:canary", "Put a version on trial."),
    "variant": (f"{_HERE}.traffic:variant_command", "Add an arm or a shadow, or take it out."),
    "share": (f"{_HERE}.traffic:share", "Change how variants share the requests."),
    "differences": (f"{_HERE}.traffic:differences", "How a shadow or canary differs."),
    "bandit": (f"{_HERE}.traffic:bandit", "Let the weights follow the rewards."),
    "promote": (f"{_HERE}.traffic:promote", "Make a variant the champion."),
    "rollback": (f"{_HERE}.traffic:rollback", "End the canary, or return to what was before."),
    "register": (f"{_HERE}.graphs:register", "Register a graph of models as a model's version."),
    "stop": (f"{_HERE}.traffic:stop", "Stop serving."),
    "releases": (f"{_HERE}.listing:releases", "What was released to targets elsewhere."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def deployments() -> None:
    """See and change what is being served."""
