import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Check, confirmChecks, suiteQuery } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { checkText } from "./checkText";

interface Props {
  project: string;
  dataset: string;
}

/** What has to hold: proposed from the first version, confirmed by a person. */
export function Rules({ project, dataset }: Props) {
  const query = useQuery(suiteQuery(project, dataset));
  const queries = useQueryClient();
  const confirm = useMutation({
    mutationFn: (change: { ids: readonly string[] | "all"; confirmed: boolean }) =>
      confirmChecks(project, dataset, change.ids, change.confirmed),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["data"] }),
  });
  const rules = query.data?.suite.checks ?? [];
  const proposed = rules.filter((rule) => rule.status === "proposed");
  return (
    <Panel
      title="Checks of every version"
      flush
      note={
        proposed.length > 0 ? (
          <Button
            size="compact-sm"
            loading={confirm.isPending}
            onClick={() => confirm.mutate({ ids: "all", confirmed: true })}
          >
            Confirm all that hold
          </Button>
        ) : (
          rules.length > 0 && "all confirmed by a person"
        )
      }
    >
      <p className="soft" style={{ margin: "0 18px 8px" }}>
        A proposed check only warns. One that a person confirmed stops the next run when it fails.
      </p>
      {confirm.error && (
        <p role="alert" style={{ margin: "0 18px 8px", color: "var(--bad)" }}>
          {confirm.error.message}
        </p>
      )}
      <Loaded query={query} height={240}>
        {() =>
          rules.length === 0 ? (
            <EmptyState icon="check" title="No check is proposed yet" command="mw run" />
          ) : (
            <RuleTable
              rules={rules}
              pending={confirm.isPending}
              onChange={(id, confirmed) => confirm.mutate({ ids: [id], confirmed })}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

interface TableProps {
  rules: readonly Check[];
  pending: boolean;
  onChange: (id: string, confirmed: boolean) => void;
}

function RuleTable({ rules, pending, onChange }: TableProps) {
  return (
    <div style={{ maxHeight: 420, overflowY: "auto" }}>
      <DataTable
        label="Checks of every version"
        rows={rules}
        rowKey={(rule) => rule.id}
        columns={[
          {
            title: "Columns",
            cell: ({ columns }) =>
              columns.length > 0 ? (
                <span className="mono">{columns.join(", ")}</span>
              ) : (
                <span className="soft">table</span>
              ),
          },
          { title: "Check", cell: checkText },
          {
            title: "Status",
            cell: ({ status }) => (
              <Status word={status} tone={status === "confirmed" ? "ok" : "info"} />
            ),
          },
          {
            title: "Decision",
            right: true,
            cell: ({ id, status }) => (
              <Button
                size="compact-xs"
                variant={status === "confirmed" ? "subtle" : "default"}
                disabled={pending}
                aria-label={`${status === "confirmed" ? "Withdraw" : "Confirm"} ${id}`}
                onClick={() => onChange(id, status !== "confirmed")}
              >
                {status === "confirmed" ? "Withdraw" : "Confirm"}
              </Button>
            ),
          },
        ]}
      />
    </div>
  );
}
