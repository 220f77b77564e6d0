"""Pipelines as other orchestrators know them: Kubeflow, Airflow, Argo Workflows, Kubernetes, Ray.

An exported task is one call of one step (``one_step``): it is told what the steps before it made as
digests, reads and writes the one store through the one door, and says in one line what it made. So
every target makes the same objects as a run here, and none of them needs to understand the data.
"""
