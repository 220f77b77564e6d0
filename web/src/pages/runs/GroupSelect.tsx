import { NativeSelect } from "@mantine/core";
import type { Names } from "./completion";

const MOST = 200;

interface Props {
  value: string | undefined;
  names: Names;
  onChange: (group: string | undefined) => void;
}

/** What runs are listed under: the run that started them, nothing, or a value that they share. */
export function GroupSelect({ value, names, onChange }: Props) {
  const of = (kind: "params" | "tags") =>
    names[kind].slice(0, MOST).map((key) => ({ value: `${kind}.${key}`, label: key }));
  return (
    <NativeSelect
      aria-label="Group by"
      value={value ?? "parent"}
      onChange={(event) => {
        const chosen = event.currentTarget.value;
        onChange(chosen === "parent" ? undefined : chosen);
      }}
      data={[
        { value: "parent", label: "Trials under their search" },
        { value: "none", label: "Every run by itself" },
        {
          group: "Grouped by",
          items: [
            { value: "experiment", label: "Experiment" },
            { value: "status", label: "Status" },
            { value: "user", label: "Who ran it" },
          ],
        },
        { group: "Grouped by parameter", items: of("params") },
        { group: "Grouped by tag", items: of("tags") },
      ]}
    />
  );
}
