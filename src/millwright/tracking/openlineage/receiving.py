"""Events of others become nodes and edges: datasets → job → datasets.

A job outside is one node however often it runs, because datasets outside have no versions that
would tell its runs apart. A dataset that names one of our own versions is that version.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import Connection, select

from millwright.kernel.access import Actor
from millwright.kernel.errors import NotFound
from millwright.kernel.external import DATASET, external_node
from millwright.kernel.nodes import find_nodes
from millwright.kernel.store import Edge, Node, Store
from millwright.kernel.tables import lineage_nodes
from millwright.tracking.openlineage.facets import columns_come_of, said_of_dataset, said_of_job
from millwright.tracking.openlineage.records import (
    DatasetEvent,
    JobEvent,
    OpenDataset,
    Received,
    RunEvent,
)

JOB = "external-job"
_OURS = re.compile(r"millwright/(?P<project>[^/]+)")


def receive(
    store: Store, actor: Actor, project: str, event: RunEvent | JobEvent | DatasetEvent
) -> Received:
    """Take an event into the graph of a project; the same one again adds nothing to it."""
    with store.write(actor, project) as tx:
        graph = _Graph(tx.connection, project)
        if isinstance(event, DatasetEvent):
            subject, told = graph.dataset(event.dataset), _dataset_told(event)
            sources = columns_come_of(event.dataset.facets)
            graph.edges += [(graph.dataset(source), subject) for source in sources]
        else:
            subject, told = _job(graph, event)
        tx.event(
            "lineage.received",
            subject,
            {**told, "producer": event.producer[:500]},
            edges=graph.edges,
            nodes=graph.nodes.values(),
        )
    return Received(node=subject, edges=len(dict.fromkeys(graph.edges)))


class _Graph:
    """What one event says: nodes with what is known of them, and edges."""

    def __init__(self, connection: Connection, project: str) -> None:
        self._connection, self._project = connection, project
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []

    def job(self, namespace: str, name: str, **details: object) -> str:
        """The node of a job outside."""
        return self._put(external_node(JOB, namespace, name, **details))

    def dataset(self, dataset: OpenDataset) -> str:
        """The node of a dataset: a version of ours, or something outside."""
        ours = _OURS.fullmatch(dataset.namespace)
        if ours is not None and ours["project"] == self._project:
            version = dataset.facets.get("version")
            number = version.get("datasetVersion") if isinstance(version, dict) else None
            kind, name = "dataset", dataset.name
            if name.startswith("models/"):
                kind, name = "model-version", name.removeprefix("models/")
            try:
                subject = f"{kind}:{name}@{number or 'latest'}"
                return find_nodes(self._connection, self._project, subject)[0]
            except NotFound:
                pass
        said = said_of_dataset(dataset.facets)
        return self._put(external_node(DATASET, dataset.namespace, dataset.name, **said))

    def _put(self, node: Node) -> str:
        # An event tells a part; what earlier ones told stays.
        known = self.nodes.get(node.name)
        before = known.details if known else self._known(node.name)
        self.nodes[node.name] = Node(node.name, node.label, {**before, **node.details})
        return node.name

    def _known(self, name: str) -> dict[str, Any]:
        table = lineage_nodes.c
        query = select(table.details).where(table.project == self._project, table.node == name)
        found: dict[str, Any] = json.loads(self._connection.execute(query).scalar() or "{}")
        return found


def _job(graph: _Graph, event: RunEvent | JobEvent) -> tuple[str, dict[str, Any]]:
    told: dict[str, Any] = {"job": f"{event.job.namespace}/{event.job.name}"[:500], "type": "JOB"}
    details: dict[str, object] = {**said_of_job(event.job.facets), "producer": event.producer}
    if isinstance(event, RunEvent):
        told |= {"run": str(event.run.runId), "type": event.eventType}
        details |= {
            "run": str(event.run.runId),
            "state": event.eventType,
            "time": event.eventTime.isoformat(),
        }
    job = graph.job(event.job.namespace, event.job.name, **details)
    graph.edges += [(graph.dataset(each), job) for each in event.inputs]
    graph.edges += [(job, graph.dataset(each)) for each in event.outputs]
    parent = event.run.facets.get("parent") if isinstance(event, RunEvent) else None
    above = parent.get("job") if isinstance(parent, dict) else None
    if isinstance(above, dict):
        namespace, name = above.get("namespace"), above.get("name")
        if isinstance(namespace, str) and isinstance(name, str):
            graph.edges.append((graph.job(namespace[:1000], name[:1000]), job))
    return job, told


def _dataset_told(event: DatasetEvent) -> dict[str, Any]:
    named = f"{event.dataset.namespace}/{event.dataset.name}"[:500]
    return {"dataset": named, "type": "DATASET"}
