"""Several models and functions behind one name: what they answer, and what is wrong with a graph."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
import yaml

from millwright.kernel.errors import Forbidden, InvalidInput, NotFound
from millwright.kernel.model_package import EncodedColumn, Field
from millwright.kernel.scoring import Scorer
from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.config import ServerConfig
from millwright.serving.graph.conditions import Condition
from millwright.serving.graph.model import Graph
from millwright.serving.graph.opening import read_graph, variant_of
from millwright.serving.models import Models

STEPS = """
def in_km(columns):
    return {"distance": [None if v is None else v * 1.609 for v in columns["distance"]]}

def priced(columns):
    if any(v is not None and v < 0 for v in columns["distance"]):
        raise ValueError("a distance is below zero")
    price = [10.0 + 90.0 * p for p in columns["p"]]
    return {"price": price, "dear": [one > 50.0 for one in price]}

def broken(columns):
    raise RuntimeError("the secret of the function")

def short(columns):
    return {"price": [1.0], "dear": [True]}
"""
PATH = "/v2/models/pricing/infer"


@pytest.fixture
def folder(make_package, tmp_path: Path) -> Path:
    """Where a graph's file is: two models of the same question, one of another, and functions."""
    make_package(name="forest", seed=1)
    make_package(name="linear", seed=2)
    make_package("regression", name="hours", seed=3)
    make_package("multiclass", name="moment", seed=4)
    (tmp_path / "steps.py").write_text(STEPS)
    return tmp_path


def table(count: int, seed: int = 0) -> dict[str, list[Any]]:
    random = np.random.default_rng(seed)
    return {
        "distance": [float(d) for d in random.uniform(50, 2000, count)],
        "carrier": [str(c) for c in random.choice(["AA", "UA", "DL"], count)],
        "holiday": [float(h) for h in random.integers(0, 2, count)],
    }


def graph_of(folder: Path, nodes: dict[str, Any], **more: Any) -> Graph:
    file = folder / "pricing.yaml"
    file.write_text(yaml.dump({"graph": "pricing", "nodes": nodes, **more}, sort_keys=False))
    spec, variant = variant_of(file, None)
    return Graph.open(spec, folder, variant["nodes"], trust_code=True)


def alone(folder: Path, name: str, columns: dict[str, list[Any]]) -> np.ndarray:
    """What one of the models says by itself."""
    typed = {**columns, "holiday": [bool(h) for h in columns["holiday"]]}
    return Scorer.open(folder / name).predict(pa.table(typed))


MODELS = {"forest": {"model": "forest"}, "linear": {"model": "linear"}}


def test_a_sequence_runs_functions_before_and_after_a_model(folder):
    graph = graph_of(
        folder,
        {
            "root": {"sequence": ["clean", "forest", "price"]},
            "clean": {
                "function": "steps.py:in_km",
                "takes": ["distance"],
                "gives": {"distance": "numeric"},
            },
            "forest": {"model": "forest"},
            "price": {
                "function": "steps.py:priced",
                "takes": {"p": "forest.probability", "distance": "distance"},
                "gives": {"price": "numeric", "dear": "boolean"},
            },
        },
        inputs={"distance": "numeric", "carrier": "categorical", "holiday": "boolean"},
    )
    columns = table(20)
    outcome = graph.score(dict(columns), 20)
    longer = {**columns, "distance": [1.609 * d for d in columns["distance"]]}
    expected = 10.0 + 90.0 * alone(folder, "forest", longer)
    np.testing.assert_allclose(outcome.scores, expected, rtol=1e-6)
    assert [output.name for output, _ in outcome.columns or ()] == ["price", "dear"]
    assert {name: count.rows for name, count in graph.counts.items() if count.runs} == {
        "clean": 20,
        "forest": 20,
        "price": 20,
    }


def test_a_switch_sends_each_row_its_own_way_and_keeps_their_order(folder):
    graph = graph_of(
        folder,
        {
            "root": {
                "switch": [
                    {"when": "distance > 900 and carrier in ['AA', 'DL']", "then": "forest"}
                ],
                "otherwise": "linear",
            },
            **MODELS,
        },
        inputs={"distance": "numeric", "carrier": "categorical", "holiday": "boolean"},
    )
    columns = table(100)
    far = [
        d > 900 and c != "UA" for d, c in zip(columns["distance"], columns["carrier"], strict=True)
    ]
    assert 0 < sum(far) < 100
    expected = np.where(far, alone(folder, "forest", columns), alone(folder, "linear", columns))
    np.testing.assert_allclose(graph.score(columns, 100).scores, expected, rtol=1e-6)
    assert graph.counts["forest"].rows == sum(far)


@pytest.mark.parametrize("combine", ["mean", "median", "least", "most", "vote"])
def test_an_ensemble_is_one_answer_of_several(folder, combine):
    nodes = {"root": {"ensemble": ["forest", "linear"], "combine": combine}, **MODELS}
    columns = table(50)
    outcome = graph_of(folder, nodes).score(columns, 50)
    both = np.stack([alone(folder, name, columns) for name in ("forest", "linear")])
    labels = both >= 0.5
    oracle = {
        "mean": both.mean(axis=0),
        "median": np.median(both, axis=0),
        "least": both.min(axis=0),
        "most": both.max(axis=0),
        "vote": labels.mean(axis=0),
    }[combine]
    np.testing.assert_allclose(outcome.scores, oracle, rtol=1e-6)
    said = labels[0] if combine == "vote" else oracle >= 0.5  # of a tie the first node's
    assert outcome.labels == ["yes" if one else "no" for one in said]


def test_probabilities_of_several_classes_are_averaged_with_weights(folder, make_package):
    make_package("multiclass", name="second", seed=9)
    nodes = {
        "root": {
            "ensemble": ["a", "b"],
            "combine": "mean",
            "weights": {"a": 3, "b": 1},
        },
        "a": {"model": "moment"},
        "b": {"model": "second"},
    }
    columns = table(30)
    outcome = graph_of(folder, nodes).score(columns, 30)
    mean = 0.75 * alone(folder, "moment", columns) + 0.25 * alone(folder, "second", columns)
    np.testing.assert_allclose(outcome.probabilities, mean, rtol=1e-6)
    classes = ["early", "late", "on time"]
    assert outcome.labels == [classes[i] for i in mean.argmax(axis=1)]


def test_a_splitter_sends_equal_values_the_same_way_in_proportion_to_the_weights(folder):
    nodes = {
        "root": {"splitter": {"forest": 80, "linear": 20}, "by": "customer"},
        **MODELS,
    }
    inputs = {
        "distance": "numeric",
        "carrier": "categorical",
        "holiday": "boolean",
        "customer": "categorical",
    }
    graph = graph_of(folder, nodes, inputs=inputs)
    columns = {**table(2000), "customer": [f"c{i % 1000}" for i in range(2000)]}
    scores = np.asarray(graph.score(columns, 2000).scores)
    from_forest = np.isclose(scores, alone(folder, "forest", table(2000)), rtol=1e-6)
    assert (from_forest[:1000] == from_forest[1000:]).all(), "each customer stays where it is"
    assert 0.75 < from_forest.mean() < 0.85


def test_what_no_node_gives_is_what_callers_send_and_outputs_are_chosen_by_name(folder):
    nodes = {"root": {"ensemble": ["late", "long"]}, "late": {"model": "forest"}}
    nodes["long"] = {"model": "hours", "takes": {"distance": "miles"}}
    graph = graph_of(folder, nodes, outputs={"p": "late.probability", "hours": "long.prediction"})
    taken = {field.name: (field.kind, field.nullable) for field in graph.manifest.signature}
    assert taken == {
        "distance": ("numeric", True),
        "carrier": ("categorical", True),
        "holiday": ("boolean", False),
        "miles": ("numeric", True),
    }
    columns = table(5)
    outcome = graph.score({**columns, "miles": columns["distance"]}, 5)
    given = {output.name: values for output, values in outcome.columns or ()}
    np.testing.assert_allclose(given["p"], alone(folder, "forest", columns), rtol=1e-6)
    np.testing.assert_allclose(given["hours"], alone(folder, "hours", columns), rtol=1e-6)


FUNCTION = {"function": "steps.py:in_km", "takes": ["distance"], "gives": {"distance": "numeric"}}
INPUTS = {"distance": "numeric", "carrier": "categorical", "holiday": "boolean"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "circle": (
        {"root": {"sequence": ["a"]}, "a": {"ensemble": ["b", "root"]}, "b": FUNCTION},
        "root -> a -> root run in a circle",
    ),
    "unknown node": (
        {"root": {"sequence": ["forst"]}, "forest": {"model": "forest"}},
        "Did you mean 'forest'",
    ),
    "unused node": ({"root": {"model": "forest"}, "x": FUNCTION}, "Nothing names the node 'x'"),
    "kind": (
        {"root": {"model": "forest", "takes": {"distance": "carrier"}}},
        "takes 'distance' as numeric, and the input 'carrier' is categorical",
    ),
    "shape": (
        {
            "root": {"sequence": ["moment", "forest"]},
            "moment": {"model": "moment"},
            "forest": {"model": "forest", "takes": {"distance": "moment.probabilities"}},
        },
        "'moment.probabilities' is numeric of 3 numbers",
    ),
    "unknown column": (
        {"root": {"model": "forest", "takes": {"distance": "distanc"}}},
        "takes 'distanc', which nothing before it gives. Did you mean 'distance'",
    ),
    "unknown field": (
        {"root": {"model": "forest", "takes": {"far": "distance"}}},
        "its model delays takes no 'far'",
    ),
    "different outputs": (
        {
            "root": {"splitter": {"forest": 1, "hours": 1}},
            "forest": {"model": "forest"},
            "hours": {"model": "hours"},
        },
        "its ways give different outputs",
    ),
    "vote of numbers": (
        {"root": {"ensemble": ["hours"], "combine": "vote"}, "hours": {"model": "hours"}},
        "a vote is held among labels",
    ),
    "condition": (
        {
            "root": {"switch": [{"when": "carrier > 5", "then": "forest"}], "otherwise": "linear"},
            **MODELS,
        },
        "'carrier' is categorical and has no order",
    ),
}


@pytest.mark.parametrize("what", sorted(WRONG))
def test_a_graph_that_is_not_sound_is_refused_before_it_serves(folder, what):
    nodes, why = WRONG[what]
    with pytest.raises(InvalidInput) as refused:
        graph_of(folder, nodes, inputs=INPUTS)
    assert why in str(refused.value)


UNREADABLE = {
    "no root": ({"a": {"model": "forest"}}, "no node is called 'root'"),
    "two things": ({"root": {"model": "m", "function": "a.py:b"}}, "this is model and function"),
    "no otherwise": (
        {"root": {"switch": [{"when": "a > 1", "then": "b"}]}},
        "says under 'otherwise' which node takes all other rows",
    ),
    "outside": ({"root": {"function": "../steps.py:f", "gives": {"x": "numeric"}}}, "function"),
    "unknown key": ({"root": {"modell": "forest"}}, "modell"),
}


@pytest.mark.parametrize("what", sorted(UNREADABLE))
def test_a_file_that_holds_no_graph_is_refused_with_the_place(tmp_path, what):
    nodes, why = UNREADABLE[what]
    file = tmp_path / "graph.yaml"
    file.write_text(json.dumps({"graph": "pricing", "nodes": nodes}))
    with pytest.raises(InvalidInput) as refused:
        read_graph(file)
    assert why in str(refused.value)


def test_a_model_that_is_not_there_and_code_that_nobody_trusts_are_named(folder):
    with pytest.raises(NotFound, match=r"Node 'root'.*nowhere"):
        graph_of(folder, {"root": {"model": "nowhere"}})
    file = folder / "pricing.yaml"
    nodes = {"root": FUNCTION}
    file.write_text(
        yaml.dump({"graph": "pricing", "nodes": nodes, "inputs": INPUTS}, sort_keys=False)
    )
    with pytest.raises(Forbidden, match="say --trust-code"):
        Graph.open(read_graph(file), folder, {}, trust_code=False)


def test_a_condition_is_read_and_never_run():
    kinds: Any = {"x": "numeric", "name": "categorical", "ok": "boolean"}
    for text in ("__import__('os')", "x.__class__ == 1", "x + 1 > 2", "[x for x in y]", "x >"):
        with pytest.raises(InvalidInput):
            Condition(text, kinds)
    both = Condition("not ok and (x < 2 or name is None)", kinds)
    rows = [(0.0, 1.0, "a"), (0.0, 3.0, None), (1.0, 1.0, None), (0.0, None, "a")]
    assert [both.test(row) for row in rows] == [True, True, False, False]


def served(
    folder: Path,
    nodes: dict[str, Any],
    asking: Callable[[httpx.AsyncClient], Any],
    spool: Path | None = None,
    **more: Any,
) -> Any:
    """What ``asking`` finds of a server of this graph, in this process."""
    file = folder / "pricing.yaml"
    limits = more.pop("limits", {})
    file.write_text(
        yaml.dump({"graph": "pricing", "version": 4, "nodes": nodes, **more}, sort_keys=False)
    )
    _, variant = variant_of(file, None)
    config = {"deployment": "pricing", "model_name": "pricing", "trust_code": True, **limits}

    async def run() -> Any:
        whole = {**config, "variants": [variant], "spool": spool}
        # As a worker or a control plane gets it.
        models = Models(
            ServerConfig.model_validate_json(ServerConfig.model_validate(whole).model_dump_json())
        )
        models.start()
        transport = httpx.ASGITransport(AsgiServer(Application(models)))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await asking(client)
        finally:
            models.close()

    return asyncio.run(run())


PRICED = {
    "root": {"sequence": ["forest", "price"]},
    "forest": {"model": "forest"},
    "price": {
        "function": "steps.py:priced",
        "takes": {"p": "forest.probability", "distance": "distance"},
        "gives": {"price": "numeric", "dear": "boolean"},
    },
}


def test_a_graph_is_asked_logged_counted_and_described_like_a_model(folder, ask, tmp_path):
    async def asking(client):
        many = [client.post(PATH, json=ask(distance=100.0 + i, id=f"r{i}")) for i in range(40)]
        replies = await asyncio.gather(*many)
        record = {"distance": 100.0, "carrier": "AA", "holiday": True}
        plain = await client.post("/invocations", json={"dataframe_records": [record] * 20})
        about = (await client.get("/v2/models/pricing")).json()
        config = await client.get("/v2/models/pricing/config")
        return replies, plain, about, config, (await client.get("/metrics")).text

    replies, plain, about, config, metrics = served(
        folder, PRICED, asking, spool=tmp_path / "spool"
    )
    assert {reply.status_code for reply in replies} == {200}
    expected = [
        10.0 + 90.0 * float(p)
        for p in alone(
            folder,
            "forest",
            {
                "distance": [100.0 + i for i in range(40)],
                "carrier": ["AA"] * 40,
                "holiday": [1.0] * 40,
            },
        )
    ]
    for reply, price in zip(replies, expected, strict=True):
        outputs = {one["name"]: one for one in reply.json()["outputs"]}
        assert outputs["price"]["data"] == [pytest.approx(price)]
        assert (outputs["dear"]["datatype"], outputs["dear"]["data"]) == ("BOOL", [price > 50])
    assert plain.json()["predictions"][0]["price"] == pytest.approx(expected[0])
    assert (about["platform"], about["versions"]) == ("millwright_graph", ["4"])
    assert [one["name"] for one in about["inputs"]] == ["distance", "carrier", "holiday"]
    assert [(one["name"], one["datatype"]) for one in about["outputs"]] == [
        ("price", "FP64"),
        ("dear", "BOOL"),
    ]
    assert config.status_code == 200
    label = 'graph="pricing",variant="champion",node="price"'
    assert f"millwright_graph_node_rows_total{{{label}}} 60" in metrics
    (segment,) = (tmp_path / "spool").glob("*.arrow")
    logged = pa.ipc.open_file(segment).read_all()
    assert logged.num_rows == 60
    assert set(logged["request_id"].to_pylist()) >= {f"r{i}" for i in range(40)}
    assert logged["score"].to_pylist()[:40] == pytest.approx(expected)


def test_rows_that_a_function_refuses_are_their_callers_and_its_own_mistakes_are_ours(folder, ask):
    async def asking(client):
        good, bad = client.post(PATH, json=ask()), client.post(PATH, json=ask(distance=-1.0))
        return await asyncio.gather(good, bad)

    good, bad = served(folder, PRICED, asking)
    assert (good.status_code, bad.status_code) == (200, 400)
    assert "Node 'price' refuses the rows: a distance is below zero" in bad.json()["error"]
    for function, why in (("broken", "failed on these rows"), ("short", "1 values of 'price'")):
        nodes = {**PRICED, "price": {**PRICED["price"], "function": f"steps.py:{function}"}}

        async def two_rows(client):
            body = {"instances": [[100.0, "AA", True], [200.0, "UA", False]]}
            return await client.post("/invocations", json=body), await client.get("/metrics")

        reply, metrics = served(folder, nodes, two_rows)
        assert (reply.status_code, reply.json()["code"]) == (500, "serving.node_failed")
        assert why in reply.json()["error"]
        assert "secret" not in reply.text
        assert 'failures_total{graph="pricing",variant="champion",node="price"} 1' in metrics.text


def test_no_node_begins_after_the_time_of_the_graph(folder, ask):
    async def asking(client):
        return await client.post(PATH, json=ask())

    reply = served(folder, PRICED, asking, timeout_ms=1e-6)
    assert (reply.status_code, reply.json()["code"]) == (504, "serving.graph_expired")


def test_mw_serve_takes_the_file_of_a_graph_beside_models(folder, mw_serve):
    (folder / "pricing.yaml").write_text(
        yaml.dump({"graph": "pricing", "nodes": PRICED}, sort_keys=False)
    )
    url = mw_serve(str(folder / "pricing.yaml"), str(folder / "hours"), "--trust-code")
    record = {"distance": 100.0, "carrier": "AA", "holiday": True}
    body = {"dataframe_records": [record]}
    priced = httpx.post(f"{url}/invocations", json=body, trust_env=False).json()
    assert set(priced["predictions"][0]) == {"price", "dear"}
    other = httpx.get(f"{url}/v2/models/delays", trust_env=False).json()
    assert other["outputs"][0]["name"] == "prediction"


@pytest.fixture
def another(make_package) -> Path:
    """A model that takes what a function gives."""
    return make_package(
        name="late_hours",
        fields=(Field(name="late", kind="boolean"),),
        columns=(EncodedColumn(field="late", how="number"),),
    )


def test_truths_of_a_function_reach_a_model(folder, another):
    graph = graph_of(
        folder,
        {
            "root": {"sequence": ["forest", "price", "again"]},
            "forest": PRICED["forest"],
            "price": PRICED["price"],
            "again": {"model": "late_hours", "takes": {"late": "price.dear"}},
        },
    )
    assert len(graph.score(table(3), 3).scores) == 3


def test_the_graph_of_the_guide_is_sound(folder):
    guide = Path(__file__).parents[2] / "docs" / "guide" / "serving.md"
    blocks = guide.read_text("utf-8").split("```")
    text = next(block for block in blocks if block.startswith("yaml\ngraph: pricing"))
    code = next(block for block in blocks if block.startswith("python\n# steps.py"))
    (folder / "steps.py").write_text(code.removeprefix("python\n"))
    file = folder / "pricing.yaml"
    file.write_text(text.removeprefix("yaml\n").replace("delays@champion", "./forest"))
    spec, variant = variant_of(file, None)
    graph = Graph.open(spec, folder, variant["nodes"], trust_code=True)
    outcome = graph.score(table(20), 20)
    assert [output.name for output, _ in outcome.columns or ()] == ["price", "late"]
    assert set(outcome.labels or ()) <= {"yes", "no"}
