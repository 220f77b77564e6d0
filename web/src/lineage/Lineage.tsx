import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { lineageQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { useProject } from "@/shell/project";

const LineageGraph = lazy(() =>
  import("./LineageGraph").then((module) => ({ default: module.LineageGraph })),
);

/** The lineage of one node, such as `model-version:ID`. */
export function Lineage({ node }: { node: string }) {
  const query = useQuery(lineageQuery(useProject(), node));
  return (
    <Loaded query={query} height={380}>
      {({ nodes, edges }) =>
        edges.length === 0 ? (
          <EmptyState icon="runs" title="Nothing is recorded before or after this yet" />
        ) : (
          <Suspense fallback={<Skeleton height={380} />}>
            <LineageGraph nodes={nodes} edges={edges} focus={node} />
          </Suspense>
        )
      }
    </Loaded>
  );
}
