import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { datasetsQuery } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";
import { When } from "@/components/When";
import { bytes, count } from "@/format/numbers";
import { useProject } from "@/shell/project";
import { Stands } from "./Versions";
import css from "./Dataset.module.css";

export function Datasets() {
  const query = useQuery(datasetsQuery(useProject()));
  return (
    <Page
      title="Data"
      lead="Tables and files as they were when a model was made: versions never change."
    >
      <Panel title="Datasets" flush>
        <Loaded query={query} height={200}>
          {(datasets) =>
            datasets.length === 0 ? (
              <EmptyState icon="data" title="No dataset is kept yet" command="mw run">
                The first run keeps the table named under data.source in millwright.yaml as version
                1, with a profile and proposed rules.
              </EmptyState>
            ) : (
              <DataTable
                label="Datasets"
                rows={datasets}
                rowKey={(dataset) => dataset.name}
                columns={[
                  {
                    title: "Dataset",
                    cell: ({ name }) => (
                      <Link to="/data/$dataset" params={{ dataset: name }}>
                        {name}
                      </Link>
                    ),
                  },
                  { title: "Contract", cell: ({ latest }) => <Stands version={latest} /> },
                  {
                    title: "Came from",
                    cell: ({ latest: { source } }) => (
                      <span className={css.from}>{source || "–"}</span>
                    ),
                  },
                  { title: "Versions", right: true, cell: ({ versions }) => versions },
                  {
                    title: "Holds",
                    right: true,
                    cell: ({ latest: { kind, rows, columns, files } }) =>
                      kind === "table"
                        ? `${count(rows)} rows × ${columns.length} columns`
                        : `${count(files)} files`,
                  },
                  { title: "Size", right: true, cell: ({ latest }) => bytes(latest.size) },
                  { title: "Latest", cell: ({ latest }) => <When time={latest.created_at} /> },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
