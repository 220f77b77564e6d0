"""A pipeline as an Airflow DAG: a Python file that needs Airflow 3.1 and its standard provider.

Tasks call ``mw`` on Airflow's workers, or are pods where an image is given (with the provider
``cncf.kubernetes``). What a task ended with is its XCom. Sources: ``airflow.sdk``,
``airflow.providers.standard.operators.bash`` and ``.hitl``,
``airflow.providers.cncf.kubernetes.operators.pod``.
"""

from __future__ import annotations

import shlex

from millwright.pipelines.exports.calling import TOKEN, Words, call_step, wanted_secrets
from millwright.pipelines.exports.records import Export
from millwright.pipelines.exports.shape import ExportedTask, tasks_of

_XCOM = "/airflow/xcom/return.json"


def airflow(export: Export) -> str:
    """The DAG, as the text of a Python file."""
    tasks = tasks_of(export.graph)
    names = {task.node.name: task.name for task in tasks}
    lines = [
        f'"""The pipeline {export.graph.pipeline} of Millwright, exported; edit it there."""',
        "",
        *_imports(export, tasks),
        "",
        "with DAG(",
        f"    dag_id={export.name!r},",
        f"    schedule={_schedule(export)},",
        '    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),',
        "    catchup=False,",
        '    default_args={"retries": 2},',
        "    params={",
        *(
            f'        {name!r}: Param({default!r}, type="string"),'
            for name, default in export.parameters.items()
        ),
        "    },",
        '    tags=["millwright"],',
        "):",
    ]
    for task in tasks:
        lines += [f"    {line}" for line in _task(export, task, names)]
    for task in tasks:
        if task.after:
            before = ", ".join(_variable(names[node]) for node in task.after)
            lines.append(f"    {_variable(task.name)}.set_upstream([{before}])")
    return "\n".join(lines) + "\n"


def _imports(export: Export, tasks: tuple[ExportedTask, ...]) -> list[str]:
    found = ["import datetime", ""] if any(task.asks for task in tasks) else []
    found.append("import pendulum")
    standard = "from airflow.providers.standard.operators"
    if export.place.image:
        found.append(
            "from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator"
        )
        if export.place.secret:
            found.append("from airflow.providers.cncf.kubernetes.secret import Secret")
    else:
        found.append(f"{standard}.bash import BashOperator")
    if any(task.asks for task in tasks):
        found.append(f"{standard}.hitl import ApprovalOperator")
    if export.place.schedule:
        found.append("from airflow.sdk import CronTriggerTimetable")
    return [*found, "from airflow.sdk import DAG, Param"]


def _schedule(export: Export) -> str:
    place = export.place
    if not place.schedule:
        return "None"
    return f"CronTriggerTimetable({place.schedule!r}, timezone={place.timezone!r})"


def _task(export: Export, task: ExportedTask, names: dict[str, str]) -> list[str]:
    if task.asks:
        return _question(task)
    return _pod(export, task, names) if export.place.image else _command(export, task, names)


def _question(task: ExportedTask) -> list[str]:
    node = task.node
    lines = [
        f"{_variable(task.name)} = ApprovalOperator(",
        f"    task_id={task.name!r},",
        f"    subject={node.message or 'Go on?'!r},",
        "    fail_on_reject=True,",
    ]
    if node.timeout_ms is not None:
        lines.append(
            f"    execution_timeout=datetime.timedelta(seconds={node.timeout_ms // 1000}),"
        )
    return [*lines, ")"]


def _command(export: Export, task: ExportedTask, names: dict[str, str]) -> list[str]:
    """On Airflow's worker. What only the run knows is a variable, so no shell ever parses it."""
    variables: dict[str, str] = {}

    def variable(prefix: str, template: str) -> str:
        name = f"MW_{prefix}_{len(variables)}"
        variables[name] = template
        return f"${name}"

    words = Words(
        parameter=lambda name: variable("PARAM", f"{{{{ params[{name!r}] }}}}"),
        outcome=lambda node: variable(
            "OUTCOME", f"{{{{ ti.xcom_pull(task_ids={names[node]!r}) }}}}"
        ),
        group=variable("RUN", "{{ run_id }}"),
        result=None,
    )
    call = [*export.place.words, *call_step(export, task, words)]
    if export.place.url:
        variables["MILLWRIGHT_URL"] = export.place.url
    lines = [
        f"{_variable(task.name)} = BashOperator(",
        f"    task_id={task.name!r},",
        f"    bash_command={' '.join(_quoted(word, variables) for word in call)!r},",
        f"    env={variables!r},",
        "    append_env=True,",
    ]
    if export.place.folder:
        lines.append(f"    cwd={export.place.folder!r},")
    return [*lines, ")"]


def _quoted(word: str, variables: dict[str, str]) -> str:
    """A word for the shell; one that ends in a variable of ours keeps it, in double quotes."""
    plain, dollar, name = word.rpartition("$")
    if dollar and name in variables:
        return (shlex.quote(plain) if plain else "") + f'"${name}"'
    return shlex.quote(word)


def _pod(export: Export, task: ExportedTask, names: dict[str, str]) -> list[str]:
    place = export.place
    words = Words(
        parameter=lambda name: f"{{{{ params[{name!r}] }}}}",
        outcome=lambda node: f"{{{{ ti.xcom_pull(task_ids={names[node]!r}) | tojson }}}}",
        group="{{ run_id }}",
        result=_XCOM,
    )
    lines = [
        f"{_variable(task.name)} = KubernetesPodOperator(",
        f"    task_id={task.name!r},",
        f"    name={task.name!r},",
        f"    image={place.image!r},",
        f"    cmds={place.words!r},",
        f"    arguments={call_step(export, task, words)!r},",
        f"    env_vars={{'MILLWRIGHT_URL': {place.url!r}}},",
        "    do_xcom_push=True,",
    ]
    if place.namespace:
        lines.append(f"    namespace={place.namespace!r},")
    if place.service_account:
        lines.append(f"    service_account_name={place.service_account!r},")
    if place.secret:
        secrets = ", ".join(
            f"Secret('env', {name!r}, {place.secret!r}, {name!r})"
            for name in (TOKEN, *wanted_secrets(task))
        )
        lines.append(f"    secrets=[{secrets}],")
    return [*lines, ")"]


def _variable(name: str) -> str:
    return "task_" + name.replace("-", "_")
