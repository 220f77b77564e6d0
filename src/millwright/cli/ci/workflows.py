"""The workflows that `mw ci init` writes: test, train with gates, report, promote.

The runner keeps nothing: with ``MILLWRIGHT_URL`` and ``MILLWRIGHT_TOKEN`` among its secrets, runs and
versions are kept by that server. Without them a workflow still tests, trains and reports, and nothing
is promoted.
"""

from __future__ import annotations

from typing import Literal

Provider = Literal["github", "gitlab", "jenkins", "circleci"]
PLACES: dict[Provider, str] = {
    "github": ".github/workflows/millwright.yml",
    "gitlab": ".gitlab-ci.yml",
    "jenkins": "Jenkinsfile",
    "circleci": ".circleci/config.yml",
}
ALIAS = "production"

_TEST = "if [ -d tests ]; then python -m pip install pytest && python -m pytest tests; fi"
_TRAIN = "mw run --json > registered.json || code=$?"
_REPORT = "mw ci report registered.json --into report"
_END = "exit $code"
_PROMOTE = (
    f'if [ -n "$MILLWRIGHT_URL" ]; then mw ci promote registered.json --alias {ALIAS}; '
    'else echo "Nothing is promoted without MILLWRIGHT_URL."; fi'
)


def workflow(provider: Provider, *, python: str, requirement: str, branch: str) -> str:
    """The text of a provider's workflow.

    Args:
        python: its version, such as ``3.12``.
        requirement: what pip installs, such as ``millwright[train]>=0.1``.
        branch: from which models are promoted.
    """
    install = f"python -m pip install '{requirement}'"
    if provider == "github":
        return _github(python, install, branch)
    if provider == "gitlab":
        return _gitlab(python, install)
    if provider == "jenkins":
        return _jenkins(python, install, branch)
    return _circleci(python, install, branch)


def _github(python: str, install: str, branch: str) -> str:
    return f"""\
# Written by `mw ci init`; yours to change. Secrets: MILLWRIGHT_URL, MILLWRIGHT_TOKEN.
name: Model

on:
  push:
    branches: [{branch}]
  pull_request:
  workflow_dispatch:

permissions:
  contents: read

concurrency:
  group: model-${{{{ github.ref }}}}
  cancel-in-progress: ${{{{ github.ref != 'refs/heads/{branch}' }}}}

env:
  MILLWRIGHT_URL: ${{{{ secrets.MILLWRIGHT_URL }}}}
  MILLWRIGHT_TOKEN: ${{{{ secrets.MILLWRIGHT_TOKEN }}}}

{_github_jobs(python, install, branch)}"""


def _github_jobs(python: str, install: str, branch: str) -> str:
    return f"""\
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "{python}"
      - run: {install}
      - run: {_TEST}

  train:
    needs: test
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "{python}"
      - run: {install}
      - name: Train, validate, register
        run: |
          {_TRAIN}
          {_REPORT}
          {_END}
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: report
          path: |
            registered.json
            report

  promote:
    needs: train
    if: github.ref == 'refs/heads/{branch}'
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "{python}"
      - run: {install}
      - uses: actions/download-artifact@v4
        with:
          name: report
      - run: {_PROMOTE}
"""


def _gitlab(python: str, install: str) -> str:
    return f"""\
# Written by `mw ci init`; yours to change. Variables (masked): MILLWRIGHT_URL, MILLWRIGHT_TOKEN, and
# GITLAB_TOKEN (a project access token with the scope api) for notes on merge requests.
stages: [test, train, promote]

default:
  image: python:{python}
  before_script:
    - {install}

test:
  stage: test
  script:
    - "{_TEST}"

train:
  stage: train
  script:
    - |
      {_TRAIN}
      {_REPORT}
      {_END}
  artifacts:
    when: always
    paths: [registered.json, report]

promote:
  stage: promote
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  script:
    - {_PROMOTE}
"""


def _jenkins(python: str, install: str, branch: str) -> str:
    return f"""\
// Written by `mw ci init`; yours to change. Credentials (secret text): millwright-url, millwright-token.
pipeline {{
  agent {{
    docker {{ image 'python:{python}' }}
  }}
  environment {{
    HOME = "${{env.WORKSPACE}}"
    PATH = "${{env.WORKSPACE}}/.local/bin:${{env.PATH}}"
    MILLWRIGHT_URL = credentials('millwright-url')
    MILLWRIGHT_TOKEN = credentials('millwright-token')
  }}
  stages {{
    stage('Install') {{
      steps {{
        sh "{install}"
      }}
    }}
    stage('Test') {{
      steps {{
        sh '{_TEST}'
      }}
    }}
    stage('Train') {{
      steps {{
        sh '''
          {_TRAIN}
          {_REPORT}
          {_END}
        '''
      }}
    }}
    stage('Promote') {{
      when {{
        branch '{branch}'
      }}
      steps {{
        sh '{_PROMOTE}'
      }}
    }}
  }}
  post {{
    always {{
      archiveArtifacts artifacts: 'registered.json,report/**', allowEmptyArchive: true
    }}
  }}
}}
"""


def _circleci(python: str, install: str, branch: str) -> str:
    return f"""\
# Written by `mw ci init`; yours to change. Variables of the project: MILLWRIGHT_URL, MILLWRIGHT_TOKEN.
version: 2.1

executors:
  python:
    docker:
      - image: cimg/python:{python}

jobs:
  test:
    executor: python
    steps:
      - checkout
      - run: {install}
      - run: {_TEST}

  train:
    executor: python
    steps:
      - checkout
      - run: {install}
      - run:
          name: Train, validate, register
          command: |
            {_TRAIN}
            {_REPORT}
            {_END}
      - store_artifacts:
          path: report
      - persist_to_workspace:
          root: .
          paths: [registered.json]

  promote:
    executor: python
    steps:
      - checkout
      - attach_workspace:
          at: .
      - run: {install}
      - run: {_PROMOTE}

workflows:
  model:
    jobs:
      - test
      - train:
          requires: [test]
      - promote:
          requires: [train]
          filters:
            branches:
              only: {branch}
"""
