import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { download } from "@/api/download";
import { runArtifactsQuery } from "@/api/rooms/tracking";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { bytes, short } from "@/format/numbers";
import { ArtifactPreview } from "./ArtifactPreview";
import css from "./Run.module.css";

interface Props {
  run: string;
  shown: string | undefined;
  onShow: (name: string) => void;
}

/** The files of a run, and a look into one of them. */
export function Artifacts({ run, shown, onShow }: Props) {
  const query = useQuery(runArtifactsQuery(run));
  const [text, setText] = useState("");
  return (
    <Loaded query={query} height={240}>
      {(artifacts) => {
        if (artifacts.length === 0) {
          return <EmptyState icon="data" title="This run kept no file" />;
        }
        const found = artifacts.filter(({ name }) =>
          name.toLowerCase().includes(text.toLowerCase()),
        );
        const open = artifacts.find(({ name }) => name === shown) ?? artifacts[0];
        return (
          <div className={css.files}>
            <Panel title="Files" note={artifacts.length} flush>
              {artifacts.length > 12 && (
                <input
                  type="search"
                  aria-label="Find files"
                  placeholder="Find files"
                  style={{ margin: "0 14px", font: "inherit" }}
                  value={text}
                  onChange={(event) => setText(event.currentTarget.value)}
                />
              )}
              <ul className={css.list} aria-label="Artifacts">
                {found.slice(0, 500).map(({ name, size }) => (
                  <li key={name}>
                    <button
                      type="button"
                      className={css.file}
                      aria-pressed={name === open?.name}
                      onClick={() => onShow(name)}
                    >
                      <span className="clip" title={name}>
                        {name}
                      </span>
                      <span className={css.size}>{bytes(size)}</span>
                    </button>
                  </li>
                ))}
              </ul>
            </Panel>
            {open && (
              <Panel
                title={open.name}
                note={
                  <>
                    <span className="mono" title={`BLAKE3 ${open.digest}`}>
                      {short(open.digest)}
                    </span>{" "}
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Download ${open.name}`}
                      onClick={() =>
                        void download(
                          "/api/v1/runs/{run}/artifacts/{name}",
                          { run, name: open.name },
                          open.name.split("/").at(-1) ?? open.name,
                        )
                      }
                    >
                      Download
                    </Button>
                  </>
                }
              >
                <ArtifactPreview run={run} name={open.name} digest={open.digest} />
              </Panel>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}
