import type { Evaluation } from "@/api/rooms/registry";
import { PanelGrid } from "@/components/Panel";
import { Calibration } from "./Calibration";
import { ChampionComparison } from "./ChampionComparison";
import { FairnessPanel } from "./FairnessPanel";
import { Gates } from "./Gates";
import { Importance } from "./Importance";
import { Metrics } from "./Metrics";
import { RobustnessPanel } from "./RobustnessPanel";
import { RowExplanations } from "./RowExplanations";
import { Slices } from "./Slices";
import css from "./Evaluation.module.css";

/** How good the model is, for whom, why, and whether that is enough. */
export function EvaluationReport({ evaluation }: { evaluation: Evaluation }) {
  return (
    <div className={css.stack}>
      <Gates gates={evaluation.gates} />
      <Metrics evaluation={evaluation} />
      <ChampionComparison comparison={evaluation.comparison} />
      <Slices evaluation={evaluation} />
      <PanelGrid>
        <Importance evaluation={evaluation} />
        <Calibration curves={evaluation.curves} />
      </PanelGrid>
      <PanelGrid>
        <FairnessPanel evaluation={evaluation} />
        <RobustnessPanel evaluation={evaluation} />
      </PanelGrid>
      <RowExplanations explanations={evaluation.explanations} />
    </div>
  );
}
