import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { modelsQuery } from "@/api/rooms/registry";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { When } from "@/components/When";
import { useProject } from "@/shell/project";

export function Models() {
  const query = useQuery(modelsQuery(useProject()));
  return (
    <Page title="Models" lead="What has been trained, measured and registered, with its aliases.">
      <Panel title="Registered models" flush>
        <Loaded query={query} height={200}>
          {(models) =>
            models.length === 0 ? (
              <EmptyState icon="model" title="No model is registered yet" command="mw run">
                A run trains a model, measures it on held-out data and registers it here.
              </EmptyState>
            ) : (
              <DataTable
                label="Models"
                rows={models}
                rowKey={(model) => model.name}
                columns={[
                  {
                    title: "Model",
                    cell: ({ name }) => (
                      <Link to="/models/$model" params={{ model: name }}>
                        {name}
                      </Link>
                    ),
                  },
                  {
                    title: "Aliases",
                    cell: ({ name, aliases }) => <Aliases model={name} aliases={aliases} />,
                  },
                  { title: "Versions", right: true, cell: (model) => model.versions },
                  { title: "Updated", cell: (model) => <When time={model.updated_at} /> },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function Aliases({ model, aliases }: { model: string; aliases: Record<string, number> }) {
  const entries = Object.entries(aliases);
  if (entries.length === 0) return <span className="soft">none</span>;
  return entries.map(([alias, version]) => (
    <span key={alias} style={{ marginRight: 10 }}>
      <Status word={alias} tone="info" icon="star" />{" "}
      <Link to="/models/$model/$version" params={{ model, version: String(version) }}>
        version {version}
      </Link>
    </span>
  ));
}
