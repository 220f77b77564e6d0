import { useQuery } from "@tanstack/react-query";
import { evaluationQuery, type ModelVersion } from "@/api/rooms/registry";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { EvaluationReport } from "./evaluation/EvaluationReport";

export function EvaluationTab({ version }: { version: ModelVersion }) {
  const query = useQuery({ ...evaluationQuery(version), enabled: version.evaluation !== null });
  if (version.evaluation === null) {
    return (
      <Panel title="Evaluation">
        <EmptyState icon="model" title="This version was registered without an evaluation">
          Models that come out of mw run are measured on held-out rows before they are registered.
        </EmptyState>
      </Panel>
    );
  }
  return (
    <Loaded query={query} height={480}>
      {(evaluation) => <EvaluationReport evaluation={evaluation} />}
    </Loaded>
  );
}
