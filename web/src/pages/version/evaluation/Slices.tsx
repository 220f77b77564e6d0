import { Button } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Evaluation } from "@/api/rooms/registry";
import { Whisker } from "@/charts/Whisker";
import { DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { count, metric, percent } from "@/format/numbers";

type Slice = Evaluation["slices"][number];

const FIRST = 12;

/** The metric on parts of the rows, worst first. */
export function Slices({ evaluation }: { evaluation: Evaluation }) {
  const [all, setAll] = useState(false);
  const { metric: name, worst_slice: worst, higher_is_better: up } = evaluation;
  const slices = useMemo(() => ordered(evaluation), [evaluation]);
  const overall = evaluation.metrics[name]?.value;
  const bounds = slices.flatMap((s) => [s.low ?? s.metrics[name], s.high ?? s.metrics[name]]);
  const known = bounds.filter((bound): bound is number => bound != null);
  const axis = { from: Math.min(...known), to: Math.max(...known) };
  if (slices.length === 0) return null;
  const isWorst = (slice: Slice) => slice.column === worst?.column && slice.name === worst.name;
  return (
    <Panel
      title="Slices"
      note={`${name}, ${up ? "lowest" : "highest"} first; overall ${metric(overall)}`}
      flush
    >
      <DataTable
        label="Slices"
        rows={all ? slices : slices.slice(0, FIRST)}
        rowKey={(slice) => `${slice.column} ${slice.name}`}
        marked={isWorst}
        columns={[
          {
            title: "Where",
            cell: (slice) => (
              <>
                <span className="soft">{slice.column}</span> = {slice.name}{" "}
                {isWorst(slice) && <Status word="worst" tone="warn" />}
              </>
            ),
          },
          { title: "Rows", right: true, cell: (slice) => count(slice.rows) },
          { title: "Share", right: true, cell: (slice) => percent(slice.share, 1) },
          { title: name, right: true, cell: (slice) => metric(slice.metrics[name]) },
          {
            title: "95 % interval, overall dashed",
            cell: (slice) => (
              <SliceWhisker slice={slice} name={name} axis={axis} overall={overall} />
            ),
          },
        ]}
      />
      {slices.length > FIRST && (
        <Button variant="subtle" size="xs" ml={10} my={6} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${slices.length}`}
        </Button>
      )}
    </Panel>
  );
}

interface WhiskerProps {
  slice: Slice;
  name: string;
  axis: { from: number; to: number };
  overall: number | undefined;
}

function SliceWhisker({ slice, name, axis, overall }: WhiskerProps) {
  const value = slice.metrics[name];
  if (value == null) return <span className="soft">undefined here</span>;
  if (!slice.supported) return <span className="soft">too few rows to judge</span>;
  return <Whisker value={value} low={slice.low} high={slice.high} threshold={overall} {...axis} />;
}

function ordered({ slices, metric: name, higher_is_better: up }: Evaluation): Slice[] {
  const worth = (slice: Slice) => {
    const value = slice.metrics[name];
    if (value == null || !slice.supported) return Number.POSITIVE_INFINITY;
    return up ? value : -value;
  };
  return [...slices].sort((a, b) => worth(a) - worth(b));
}
