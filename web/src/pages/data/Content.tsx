import type { DatasetVersion } from "@/api/rooms/data";
import { Files } from "./Files";

/** What is in the version: its folders and files. */
export function Content({ version }: { version: DatasetVersion }) {
  return <Files version={version} />;
}
