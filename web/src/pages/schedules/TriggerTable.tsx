import { Group } from "@mantine/core";
import { pauseTrigger, type Trigger } from "@/api/rooms/schedules";
import { DataTable } from "@/components/DataTable";
import { Status } from "@/components/Status";
import { useProject } from "@/shell/project";
import { Fires } from "./Fires";
import { PauseButton } from "./PauseButton";

export function TriggerTable({ triggers }: { triggers: readonly Trigger[] }) {
  const project = useProject();
  return (
    <DataTable
      label="Triggers"
      rows={triggers}
      rowKey={(trigger) => trigger.id}
      columns={[
        {
          title: "Trigger",
          cell: (trigger) => (
            <>
              <strong>{trigger.name}</strong>
              <div className="soft">{trigger.description}</div>
            </>
          ),
        },
        { title: "Starts", cell: ({ config }) => <span className="mono">{config.pipeline}</span> },
        { title: "Within", cell: (trigger) => <Bounds trigger={trigger} /> },
        { title: "Last", cell: (trigger) => <Fires fires={trigger.latest} /> },
        {
          title: "",
          cell: (trigger) => (
            <Group gap={6} wrap="nowrap" justify="flex-end">
              {trigger.paused && <Status word="paused" tone="warn" icon="minus" />}
              <PauseButton
                name={trigger.name}
                paused={trigger.paused}
                affects="triggers"
                change={(paused) => pauseTrigger(project, trigger.name, paused)}
              />
            </Group>
          ),
        },
      ]}
    />
  );
}

function Bounds({ trigger: { config } }: { trigger: Trigger }) {
  const bounds = [
    config.cooldown && `${config.cooldown} apart`,
    config.max_runs && `${config.max_runs} runs per ${config.per}`,
    config.max_time && `${config.max_time} of runs per ${config.per}`,
  ].filter(Boolean);
  return <span className="soft">{bounds.join(", ") || "no bounds"}</span>;
}
