"""The entry of `mw`: finds each command where its room keeps it, and only when it is called."""

from __future__ import annotations

import gc
import json
import os
import sys

import click

from millwright.kernel.command_line import LazyGroup
from millwright.kernel.errors import MillwrightError, disk_full

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("millwright.cli.init:init", "Start a project from a table and a target column."),
    "run": ("millwright.automation.commands:run", "Train, validate and register a model."),
    "reproduce": (
        "millwright.automation.reproduce_command:reproduce",
        "Do a run again from its record.",
    ),
    "deploy": ("millwright.deployment.commands.deploying:deploy", "Serve a model version."),
    "up": ("millwright.server.commands:up", "Start everything here: API, UI, controllers."),
    "status": ("millwright.cli.status:status", "Models, deployments, drift, alerts: one screen."),
    "demo": ("millwright.demo.commands:demo", "Play a year in the life of a model."),
    "serve": ("millwright.serving.commands:serve", "Serve one model package, nothing else."),
    "predict": ("millwright.deployment.batch.commands:predict", "Score a whole table."),
    "server": ("millwright.server.commands:server", "Run the control plane in the foreground."),
    "data": ("millwright.data.commands:data", "Dataset versions, rules and checks."),
    "features": ("millwright.features.commands:features", "Features for models being asked."),
    "runs": ("millwright.tracking.commands:runs", "Experiments and their runs."),
    "pipelines": ("millwright.pipelines.commands:pipelines", "Pipeline runs and their steps."),
    "models": ("millwright.registry.commands:models", "Registered models, versions, cards."),
    "deployments": ("millwright.deployment.commands:deployments", "What is being served."),
    "monitor": ("millwright.monitoring.commands:monitor", "Drift and performance by window."),
    "alerts": ("millwright.monitoring.alert_commands:alerts", "What needs attention."),
    "schedules": ("millwright.automation.schedules.commands:schedules", "Pipelines by the clock."),
    "triggers": ("millwright.automation.triggers.commands:triggers", "Pipelines by what happens."),
    "retrainings": ("millwright.automation.commands:retrainings", "What the policy decided."),
    "policy": ("millwright.automation.policy_commands:policy", "When models are trained again."),
    "lineage": ("millwright.cli.lineage:lineage", "What a thing came of, and what came of it."),
    "impact": ("millwright.cli.lineage:impact", "What is affected if a thing was wrong."),
    "import": ("millwright.cli.exchange:import_", "Move in from another tool."),
    "export": ("millwright.cli.exchange:export", "Hand data out to another tool."),
    "ci": ("millwright.cli.ci.commands:ci", "Workflows for GitHub, GitLab, Jenkins, CircleCI."),
    "token": ("millwright.security.commands:token", "Access tokens for people and machines."),
    "audit": ("millwright.cli.audit:audit", "The event log and its verification."),
}


@click.group(
    cls=LazyGroup, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="millwright", prog_name="mw")
def cli() -> None:
    """Millwright: from data to a governed model that retrains itself when the world changes.

    Start with `mw demo`, or on your own data with `mw init NAME --data FILE --target COLUMN`.
    """


def main() -> None:
    """Run `mw` and end with its exit code."""
    code = _run()
    if "duckdb" not in sys.modules:
        # The process ends: looking for circles among all that was loaded would be a tenth of a
        # short command's time. DuckDB, which none of those needs, complains at length of what is
        # left in circles.
        gc.freeze()
    sys.exit(code)


def _run() -> int:
    """Run `mw` and turn every expected error into a sentence and an exit code."""
    try:
        # Without standalone mode click hands back the code of an Exit instead of ending with it.
        code = cli.main(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except MillwrightError as error:
        _report(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nStopped.", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`mw runs list | head`): nothing to say, nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        full = disk_full(error, error.filename)
        if full is None:
            raise
        _report(full)
        return full.exit_code


def _report(error: MillwrightError) -> None:
    if "--json" in sys.argv:
        click.echo(json.dumps(error.problem()))
        return
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {error.message}", err=True)
    if error.hint:
        click.echo(f"  {click.style('Next:', bold=True)} {error.hint}", err=True)
