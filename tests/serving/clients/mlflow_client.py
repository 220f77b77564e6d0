"""What MLflow's own client of scoring servers sends to a scoring server."""

import sys

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

_, url, _ = sys.argv[1:4]
frame = pd.DataFrame(
    {"distance": [100.0, 900.0], "carrier": ["AA", "UA"], "holiday": [True, False]}
)


def ask_scoring():
    host, port = url.removeprefix("http://").split(":")
    client = ScoringServerClient(host, int(port))
    client.wait_server_ready(timeout=20)
    answer = client.invoke(frame)
    assert len(answer.get_predictions()) == 2, answer


ask_scoring()
print("all right")
