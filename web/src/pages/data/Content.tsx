import type { DatasetVersion } from "@/api/rooms/data";
import { Files } from "./Files";
import { Rows } from "./Rows";

/** What is in the version: its rows, or its folders and files. */
export function Content({ version }: { version: DatasetVersion }) {
  return version.kind === "table" ? <Rows version={version} /> : <Files version={version} />;
}
