import { useQuery } from "@tanstack/react-query";
import { retrainingsQuery } from "@/api/rooms/automation";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { useProject } from "@/shell/project";
import { RetrainingTable } from "./RetrainingTable";

export function Retrainings() {
  const query = useQuery(retrainingsQuery(useProject()));
  return (
    <Page
      title="Retraining"
      lead="Each time the policy decided to train a challenger: why, what it was worth on the same held-out rows, and what became of it."
    >
      <Panel title="History" note={query.data && `${query.data.length} so far`} flush>
        <Loaded query={query} height={320}>
          {(retrainings) =>
            retrainings.length === 0 ? (
              <EmptyState
                icon="retraining"
                title="The policy has not asked for a retraining yet"
                command="mw status"
              >
                It does so when an alert named under retraining.triggers in millwright.yaml is open
                and the cool-down has passed.
              </EmptyState>
            ) : (
              <RetrainingTable retrainings={retrainings} />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
