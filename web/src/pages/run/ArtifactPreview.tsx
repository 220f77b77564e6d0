import { useQuery } from "@tanstack/react-query";
import { get, type Schemas } from "@/api/client";
import { address, send } from "@/api/http";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Markdown } from "@/components/Markdown";
import { count } from "@/format/numbers";
import css from "./Run.module.css";

type Preview = Schemas["ArtifactPreview"];

interface Props {
  run: string;
  name: string;
  digest: string;
}

/** Some of a file: text, rows or an image. Nothing in it is ever run. */
export function ArtifactPreview({ run, name, digest }: Props) {
  const query = useQuery({
    queryKey: ["preview", run, name, digest],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) =>
      get("/api/v1/runs/{run}/previews/{name}", { run, name }, undefined, signal),
  });
  return (
    <Loaded query={query} height={280}>
      {(preview) => <Shown run={run} name={name} preview={preview} />}
    </Loaded>
  );
}

function Shown({ run, name, preview }: { run: string; name: string; preview: Preview }) {
  if (preview.kind === "none") return <EmptyState icon="data" title={preview.why ?? ""} />;
  if (preview.kind === "image")
    return <Image run={run} name={name} type={preview.media_type ?? ""} />;
  if (preview.kind === "markdown") return <Markdown text={preview.text ?? ""} />;
  return (
    <>
      {preview.kind === "table" ? (
        <Rows preview={preview} name={name} />
      ) : (
        <pre className={`mono ${css.text}`} tabIndex={0} aria-label={name}>
          {preview.text}
        </pre>
      )}
      {preview.cut && (
        <p className="soft">
          {preview.total_rows != null
            ? `The first of ${count(preview.total_rows)} rows.`
            : "There is more of it; download it to see the rest."}
        </p>
      )}
    </>
  );
}

function Rows({ preview, name }: { preview: Preview; name: string }) {
  return (
    <div className={css.rows} tabIndex={0} role="region" aria-label={`Rows of ${name}`}>
      <table>
        <thead>
          <tr>
            {preview.columns?.map((column, index) => (
              <th scope="col" key={index}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {preview.rows?.map((row, index) => (
            <tr key={index}>
              {row.map((cell, at) => (
                <td key={at}>{cell ?? <span className="soft">–</span>}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** An image from its bytes, which travel with the token like all else. */
function Image({ run, name, type }: { run: string; name: string; type: string }) {
  const query = useQuery({
    queryKey: ["image", run, name],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const url = address("/api/v1/runs/{run}/artifacts/{name}", { run, name });
      const content = await (await send("GET", url, undefined, signal)).blob();
      return read(new Blob([content], { type }));
    },
  });
  return (
    <Loaded query={query} height={280}>
      {(source) => <img className={css.image} src={source} alt={name} />}
    </Loaded>
  );
}

function read(content: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => failed(reader.error ?? new Error("The image could not be read."));
    reader.readAsDataURL(content);
  });
}
