"""RunEvents of others become nodes and edges: datasets → job → datasets.

A job outside is one node however often it runs, because datasets outside have no versions that
would tell its runs apart. A dataset that names one of our own versions is that version.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection

from millwright.kernel.access import Actor
from millwright.kernel.errors import NotFound
from millwright.kernel.external import DATASET, external_node
from millwright.kernel.nodes import find_nodes
from millwright.kernel.store import Edge, Node, Store
from millwright.tracking.openlineage.records import OpenDataset, Received, RunEvent

JOB = "external-job"
_OURS = re.compile(r"millwright/(?P<project>[^/]+)")


def receive(store: Store, actor: Actor, project: str, event: RunEvent) -> Received:
    """Take a RunEvent into the graph of a project; the same one again adds nothing to it."""
    job = external_node(
        JOB,
        event.job.namespace,
        event.job.name,
        run=str(event.run.runId),
        state=event.eventType,
        time=event.eventTime.isoformat(),
        producer=event.producer,
    )
    nodes: dict[str, Node] = {job.name: job}
    edges: list[Edge] = []
    with store.write(actor, project) as tx:
        for dataset in event.inputs:
            edges.append((_node(tx.connection, project, dataset, nodes), job.name))
        for dataset in event.outputs:
            edges.append((job.name, _node(tx.connection, project, dataset, nodes)))
        parent = event.run.facets.get("parent")
        if isinstance(parent, dict) and (above := _parent(parent)) is not None:
            nodes[above.name] = above
            edges.append((above.name, job.name))
        payload = {
            "job": f"{event.job.namespace}/{event.job.name}"[:500],
            "run": str(event.run.runId),
            "type": event.eventType,
            "producer": event.producer[:500],
        }
        tx.event("lineage.received", job.name, payload, edges=edges, nodes=nodes.values())
    return Received(node=job.name, edges=len(dict.fromkeys(edges)))


def _node(
    connection: Connection, project: str, dataset: OpenDataset, nodes: dict[str, Node]
) -> str:
    ours = _OURS.fullmatch(dataset.namespace)
    if ours is not None and ours["project"] == project:
        version = dataset.facets.get("version")
        number = version.get("datasetVersion") if isinstance(version, dict) else None
        kind, name = "dataset", dataset.name
        if name.startswith("models/"):
            kind, name = "model-version", name.removeprefix("models/")
        try:
            subject = f"{kind}:{name}@{number or 'latest'}"
            return find_nodes(connection, project, subject)[0]
        except NotFound:
            pass
    node = external_node(DATASET, dataset.namespace, dataset.name)
    nodes[node.name] = node
    return node.name


def _parent(facet: dict[str, object]) -> Node | None:
    job = facet.get("job")
    if not isinstance(job, dict):
        return None
    namespace, name = job.get("namespace"), job.get("name")
    if not isinstance(namespace, str) or not isinstance(name, str):
        return None
    return external_node(JOB, namespace[:1000], name[:1000])
