import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { change } from "@/api/client";
import { ApiError } from "@/api/http";
import { waitingQuery, type ModelVersion } from "@/api/rooms/registry";
import { Decision } from "@/approvals/Decision";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";

/** The names that a version has, how it takes another, and who has to agree. */
export function ApprovalsTab({ version }: { version: ModelVersion }) {
  const query = useQuery(waitingQuery(version.project));
  return (
    <div style={{ display: "grid", gap: "var(--gap)" }}>
      <Panel title="Aliases" note={<AliasDialog version={version} />}>
        {version.aliases.length === 0 ? (
          <span className="soft">No name points to this version.</span>
        ) : (
          <Group gap={12}>
            {version.aliases.map((alias) => (
              <Group key={alias} gap={4}>
                <Status word={alias} tone="info" icon="star" />
                <RemoveAlias version={version} alias={alias} />
              </Group>
            ))}
          </Group>
        )}
        {version.stage !== "None" && (
          <p className="soft">
            Stage for MLflow’s clients: <Status word={version.stage} tone="info" />
          </p>
        )}
      </Panel>
      <Panel title="Approvals">
        <Loaded query={query} height={120}>
          {(entries) => {
            const mine = entries.filter((entry) => entry.version.id === version.id);
            if (mine.length === 0) {
              return <span className="soft">This version does not wait for approval.</span>;
            }
            return mine.map((entry) => <Decision key={entry.state.alias} entry={entry} />);
          }}
        </Loaded>
      </Panel>
    </div>
  );
}

const ALIAS = "/api/v1/projects/{project}/models/{model}/aliases/{alias}";

function AliasDialog({ version }: { version: ModelVersion }) {
  const [opened, dialog] = useDisclosure(false);
  const [alias, setAlias] = useState("champion");
  const [reason, setReason] = useState("");
  const queries = useQueryClient();
  const { project, model } = version;
  const set = useMutation({
    mutationFn: (override: boolean) =>
      change(
        "put",
        ALIAS,
        { project, model, alias },
        { version: version.version, override, reason: reason.trim() || null },
      ),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["models"] });
      dialog.close();
    },
  });
  const error = set.error instanceof ApiError ? set.error : null;
  const gates = error?.code === "registry.gates_failed";
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={dialog.open}>
        Give it an alias
      </Button>
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={`Give version ${version.version} an alias`}
        centered
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <TextInput
          label="Alias"
          description="It moves here from the version that has it now."
          value={alias}
          onChange={(event) => setAlias(event.currentTarget.value)}
          data-autofocus
        />
        {error && (
          <p role="alert" style={{ color: "var(--bad)" }}>
            {error.message} {!gates && error.hint}
          </p>
        )}
        {gates && (
          <TextInput
            label="Override with a reason"
            description="The audit trail keeps it."
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        )}
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={dialog.close}>
            Cancel
          </Button>
          <Button
            loading={set.isPending}
            disabled={alias.trim() === "" || (gates && reason.trim() === "")}
            onClick={() => set.mutate(gates)}
          >
            {gates ? "Override" : "Set the alias"}
          </Button>
        </Group>
      </Modal>
    </>
  );
}

function RemoveAlias({ version, alias }: { version: ModelVersion; alias: string }) {
  const queries = useQueryClient();
  const { project, model } = version;
  const remove = useMutation({
    mutationFn: () => change("delete", ALIAS, { project, model, alias }, {}),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["models"] }),
  });
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      loading={remove.isPending}
      aria-label={`Remove the alias ${alias}`}
      onClick={() => remove.mutate()}
    >
      Remove
    </Button>
  );
}
