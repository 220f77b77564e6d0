import type { ModelVersion } from "@/api/rooms/registry";
import { Status, type Tone } from "@/components/Status";

const TONES: Record<ModelVersion["status"], Tone> = {
  validated: "ok",
  rejected: "bad",
  registered: "mute",
  external: "info",
};

/** What the gates said of a version, and what it is used as. */
export function VersionBadges({ version }: { version: ModelVersion }) {
  return (
    <>
      <Status word={version.status} tone={TONES[version.status]} />{" "}
      {version.aliases.map((alias) => (
        <Status key={alias} word={alias} tone="info" icon="star" />
      ))}
    </>
  );
}
