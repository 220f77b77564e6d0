import type { DatasetVersion } from "@/api/rooms/data";
import { CheckHistory } from "./CheckHistory";
import { Checks } from "./Checks";
import { Rules } from "./Rules";

/** Whether the version can be trusted, and what has to hold for that. */
export function Quality({ version }: { version: DatasetVersion }) {
  return (
    <>
      <Checks version={version} />
      <CheckHistory version={version} />
      <Rules project={version.project} dataset={version.name} />
    </>
  );
}
