"""Showing a report where the provider shows such things."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from millwright.kernel.egress import exchange
from millwright.kernel.errors import Unavailable


def show(text: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Put a report into the summary of a GitHub job, or on a GitLab merge request.

    Returns:
        where it is to be seen; None where the provider shows files alone (Jenkins, CircleCI), or
        where there is no merge request.

    Raises:
        Unavailable: GitLab did not take it.
    """
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        return "the summary of this job"
    needed = ("CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID", "GITLAB_TOKEN")
    if all(environment.get(name) for name in needed):
        return _note(text, *(environment[name] for name in needed))
    return None


def _note(text: str, api: str, project: str, request: str, token: str) -> str:
    url = f"{api}/projects/{int(project)}/merge_requests/{int(request)}/notes"
    parts = urlsplit(api)
    # A company's own GitLab is rarely public; the runner that sets this address reaches it anyway.
    port = parts.port or (443 if parts.scheme == "https" else 80)
    answer = exchange(
        url,
        body=json.dumps({"body": text}).encode(),
        headers={"Content-Type": "application/json", "PRIVATE-TOKEN": token},
        allow=(f"{parts.hostname}:{port}",),
        timeout_seconds=20.0,
    )
    if answer.status != 201:
        raise Unavailable(
            "ci.note",
            f"GitLab answered {answer.status} to the note on merge request {int(request)}.",
            hint="Give GITLAB_TOKEN the scope 'api' and the role Reporter or more.",
            value=answer.status,
        )
    return f"merge request {int(request)}"
