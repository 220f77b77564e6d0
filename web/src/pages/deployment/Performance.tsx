import { NativeSelect, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Window } from "@/api/rooms/monitoring";
import { TimeSeries, type Mark } from "@/charts/TimeSeries";
import { EmptyState } from "@/components/EmptyState";
import { Panel } from "@/components/Panel";
import { metric } from "@/format/numbers";

interface Props {
  windows: readonly Window[];
  marks: readonly Mark[];
}

/** The metric on labelled rows, window by window, beside what scores let expect and validation. */
export function Performance({ windows, marks }: Props) {
  const measured = windows.flatMap((w) => w.performance.map((p) => p.metric));
  const expected = windows.flatMap((w) => Object.keys(w.expected?.metrics ?? {}));
  const names = [...new Set([...measured, ...expected])];
  const refused = windows.at(-1)?.expected?.why;
  const [chosen, setChosen] = useState<string | null>(null);
  const name = chosen ?? names[0];
  const note = names.length > 1 && (
    <NativeSelect
      size="xs"
      aria-label="Metric"
      data={names}
      value={name}
      onChange={(event) => setChosen(event.currentTarget.value)}
    />
  );
  return (
    <Panel title="Performance over windows" note={note}>
      {name ? (
        <>
          <Chart windows={windows} marks={marks} name={name} />
          {refused && (
            <Text size="xs" c="dimmed" mt="xs">
              The latest window: {refused}
            </Text>
          )}
        </>
      ) : (
        <EmptyState icon="clock" title="No ground truth has arrived yet">
          Send labels for past predictions, and each window is measured again as they come in.
        </EmptyState>
      )}
    </Panel>
  );
}

function Chart({ windows, marks, name }: Props & { name: string }) {
  const { x, lines } = useMemo(() => {
    const found = windows.map((w) => w.performance.find((p) => p.metric === name));
    const known = found.find((p) => p?.reference != null)?.reference ?? null;
    return {
      x: windows.map((w) => w.start_ms),
      lines: [
        {
          name: `${name} with 95 % interval`,
          colour: "--series-1",
          values: found.map((p) => p?.value ?? null),
          band: {
            low: found.map((p) => p?.low ?? null),
            high: found.map((p) => p?.high ?? null),
          },
        },
        {
          name: "expected, without labels",
          colour: "--series-2",
          values: windows.map((w) =>
            w.expected && !w.expected.why ? (w.expected.metrics[name] ?? null) : null,
          ),
        },
        {
          name: "at validation",
          colour: "--ink-faint",
          dashed: true,
          values: found.map((p) => p?.reference ?? known),
        },
      ],
    };
  }, [windows, name]);
  return (
    <TimeSeries label={`${name} over windows`} x={x} lines={lines} marks={marks} format={metric} />
  );
}
