import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { confirmRules, rulesQuery, type Rule } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { ruleText } from "./ruleText";

interface Props {
  project: string;
  dataset: string;
}

/** What has to hold: proposed from the first version, confirmed by a person. */
export function Rules({ project, dataset }: Props) {
  const query = useQuery(rulesQuery(project, dataset));
  const queries = useQueryClient();
  const confirm = useMutation({
    mutationFn: (change: { ids: string[]; confirmed: boolean }) =>
      confirmRules(project, dataset, change.ids, change.confirmed),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["data"] }),
  });
  const rules = query.data?.rules.rules ?? [];
  const proposed = rules.filter((rule) => rule.status === "proposed");
  return (
    <Panel
      title="Rules"
      flush
      note={
        proposed.length > 0 ? (
          <Button
            size="compact-sm"
            loading={confirm.isPending}
            onClick={() => confirm.mutate({ ids: proposed.map(({ id }) => id), confirmed: true })}
          >
            Confirm all {proposed.length}
          </Button>
        ) : (
          rules.length > 0 && "all confirmed by a person"
        )
      }
    >
      <p className="soft" style={{ margin: "0 18px 8px" }}>
        A proposed rule only warns. A rule that a person confirmed stops the next run when it fails.
      </p>
      {confirm.error && (
        <p role="alert" style={{ margin: "0 18px 8px", color: "var(--bad)" }}>
          {confirm.error.message}
        </p>
      )}
      <Loaded query={query} height={240}>
        {() =>
          rules.length === 0 ? (
            <EmptyState icon="check" title="No rule is proposed yet" command="mw run" />
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
  rules: readonly Rule[];
  pending: boolean;
  onChange: (id: string, confirmed: boolean) => void;
}

function RuleTable({ rules, pending, onChange }: TableProps) {
  return (
    <div style={{ maxHeight: 420, overflowY: "auto" }}>
      <DataTable
        label="Rules"
        rows={rules}
        rowKey={(rule) => rule.id}
        columns={[
          {
            title: "Column",
            cell: ({ column }) =>
              column ? <span className="mono">{column}</span> : <span className="soft">table</span>,
          },
          { title: "Rule", cell: ruleText },
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
