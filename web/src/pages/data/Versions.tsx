import { Link } from "@tanstack/react-router";
import type { DatasetVersion } from "@/api/rooms/data";
import { DataTable } from "@/components/DataTable";
import { Facts } from "@/components/Facts";
import { Panel, PanelGrid } from "@/components/Panel";
import { Status, type Tone } from "@/components/Status";
import { When } from "@/components/When";
import { bytes, count } from "@/format/numbers";
import { moment } from "@/format/time";
import { Impact } from "./Impact";
import { Merge } from "./Merge";
import { Names } from "./Names";
import { Tombstones } from "./Tombstones";
import css from "./Versions.module.css";

interface Props {
  version: DatasetVersion;
  versions: readonly DatasetVersion[];
}

/** Every version that is kept, newest first, and what is known of the chosen one. */
export function Versions({ version, versions }: Props) {
  return (
    <>
      <PanelGrid least={420}>
        <Panel title={`Version ${version.version}`} note={<Called version={version} />}>
          <Facts
            facts={[
              ["Message", version.message || "–"],
              ["Source", version.source || "–"],
              ["Kept", `${moment(version.created_at)} by ${version.created_by}`],
              ["Came of", parentsOf(version, versions)],
              ["Size", bytes(version.size)],
              ["Digest", <span className="mono">{version.digest}</span>],
            ]}
          />
        </Panel>
        <Impact version={version} />
      </PanelGrid>
      <Panel title="History" note={`${count(versions.length)} versions`} flush>
        <DataTable
          label="Versions"
          rows={versions}
          rowKey={({ id }) => id}
          columns={[
            {
              title: "Version",
              cell: ({ id, name, version: number }) => (
                <Link
                  aria-current={id === version.id ? "true" : undefined}
                  className={css.number}
                  to="/data/$dataset"
                  params={{ dataset: name }}
                  search={(before) => ({ ...before, version: number })}
                >
                  {number}
                </Link>
              ),
            },
            { title: "Names", cell: (listed) => <Called version={listed} /> },
            { title: "Contract", cell: (listed) => <Stands version={listed} /> },
            { title: "Message", cell: ({ message, source }) => message || source || "–" },
            {
              title: "Holds",
              right: true,
              cell: ({ kind, rows, files }) =>
                kind === "table" ? `${count(rows)} rows` : `${count(files)} files`,
            },
            { title: "Size", right: true, cell: ({ size }) => bytes(size) },
            { title: "By", cell: ({ created_by }) => created_by },
            { title: "Kept", cell: ({ created_at }) => <When time={created_at} /> },
          ]}
        />
      </Panel>
      <Names version={version} />
      <Merge version={version} />
      <Tombstones version={version} />
    </>
  );
}

function parentsOf(version: DatasetVersion, versions: readonly DatasetVersion[]): string {
  const numbers = version.parents.map(
    (id) => versions.find((other) => other.id === id)?.version ?? "an erased one",
  );
  return numbers.length === 0 ? "nothing, it is the first" : `version ${numbers.join(" and ")}`;
}

const WORDS = {
  passed: ["passed", "ok"],
  warned: ["warned", "warn"],
  blocked: ["blocked", "bad"],
} as const satisfies Record<string, readonly [string, Tone]>;

/** Whether a version may feed a run, by its newest check. */
export function Stands({ version: { standing } }: { version: DatasetVersion }) {
  if (!standing.verdict) return <span className="soft">not checked</span>;
  if (standing.override) return <Status word="let through" tone="warn" />;
  const [word, tone] = WORDS[standing.verdict];
  return <Status word={word} tone={tone} />;
}

/** The branch a version was made on, and its tags. */
function Called({ version }: { version: DatasetVersion }) {
  return (
    <span className={css.names}>
      {version.branch !== "main" && <span className={css.branch}>{version.branch}</span>}
      {version.tags.map((tag) => (
        <span key={tag} className={css.tag}>
          {tag}
        </span>
      ))}
    </span>
  );
}
