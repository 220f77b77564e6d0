import { queryOptions } from "@tanstack/react-query";
import { address, send } from "../http";

/** One node of a graph of models; exactly one of the first six says what it does. */
export interface GraphNode {
  model?: string;
  function?: string;
  sequence?: string[];
  ensemble?: string[];
  splitter?: Record<string, number>;
  switch?: { when: string; then: string }[];
  of?: string;
  otherwise?: string;
  combine?: string;
  weights?: Record<string, number>;
  by?: string;
  gives?: Record<string, string>;
}

export interface Graph {
  nodes: Record<string, GraphNode>;
  outputs?: Record<string, string>;
}

const FILE = "/api/v1/projects/{project}/models/{model}/versions/{version}/artifacts/{name}";

/** The plan of a version that is a graph; versions never change, so one answer is enough. */
export const graphQuery = (project: string, model: string, version: number) =>
  queryOptions({
    queryKey: ["graph", project, model, version],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const answer = await send(
        "GET",
        address(FILE, { project, model, version, name: "graph.json" }),
      );
      return (await answer.json()) as Graph;
    },
  });
