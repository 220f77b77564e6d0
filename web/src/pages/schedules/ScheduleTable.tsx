import { Button, Group } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { pauseSchedule, runSchedule, type Schedule } from "@/api/rooms/schedules";
import { DataTable } from "@/components/DataTable";
import { Status } from "@/components/Status";
import { moment } from "@/format/time";
import { useProject } from "@/shell/project";
import { BackfillButton } from "./BackfillButton";
import { Fires } from "./Fires";
import { PauseButton } from "./PauseButton";

export function ScheduleTable({ schedules }: { schedules: readonly Schedule[] }) {
  const project = useProject();
  return (
    <DataTable
      label="Schedules"
      rows={schedules}
      rowKey={(schedule) => schedule.id}
      columns={[
        {
          title: "Schedule",
          cell: (schedule) => (
            <>
              <strong>{schedule.name}</strong>
              <div className="soft">{schedule.description}</div>
            </>
          ),
        },
        {
          title: "Starts",
          cell: ({ config }) => <span className="mono">{config.pipeline}</span>,
        },
        { title: "Next", cell: (schedule) => <Next schedule={schedule} /> },
        {
          title: "Last",
          cell: (schedule) => (
            <>
              <Fires fires={schedule.latest} />
              {schedule.problem && (
                <div style={{ color: "var(--bad)", maxWidth: "36ch" }}>{schedule.problem}</div>
              )}
            </>
          ),
        },
        {
          title: "",
          cell: (schedule) => (
            <Group gap={6} wrap="nowrap" justify="flex-end">
              <RunNow name={schedule.name} />
              <BackfillButton schedule={schedule} />
              <PauseButton
                name={schedule.name}
                paused={schedule.paused}
                affects="schedules"
                change={(paused) => pauseSchedule(project, schedule.name, paused)}
              />
            </Group>
          ),
        },
      ]}
    />
  );
}

function Next({ schedule: { paused, upcoming } }: { schedule: Schedule }) {
  if (paused) return <Status word="paused" tone="warn" icon="minus" />;
  const [first, ...rest] = upcoming;
  if (!first) return <span className="soft">over</span>;
  return (
    <span className="num nowrap" title={rest.map(moment).join("\n")}>
      {moment(first)}
      {rest[0] && <div className="soft">then {moment(rest[0])}</div>}
    </span>
  );
}

function RunNow({ name }: { name: string }) {
  const project = useProject();
  const go = useNavigate();
  const queries = useQueryClient();
  const run = useMutation({
    mutationFn: () => runSchedule(project, name),
    onSuccess: async ({ run_id }) => {
      await queries.invalidateQueries({ queryKey: ["pipelines"] });
      await go({ to: "/pipelines/$run", params: { run: run_id ?? "" } });
    },
  });
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={run.isPending}
      onClick={() => run.mutate()}
      aria-label={`Run ${name} now`}
    >
      Run now
    </Button>
  );
}
