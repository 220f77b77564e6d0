import { Link } from "@tanstack/react-router";
import type { Release } from "@/api/rooms/deployment";
import { Facts } from "@/components/Facts";
import { Panel } from "@/components/Panel";
import { Status } from "@/components/Status";
import { Timeline, type Moment } from "@/components/Timeline";
import { When } from "@/components/When";

/** What went to images, clusters and clouds under this name; the newest that stands at each is served there. */
export function Releases({ releases }: { releases: readonly Release[] }) {
  if (releases.length === 0) return null;
  const served = new Map<string, string>();
  for (const release of releases) {
    if (release.left_at === null && !served.has(release.target)) {
      served.set(release.target, release.id);
    }
  }
  return (
    <Panel title="Released elsewhere">
      <Timeline
        label="Releases, newest first"
        moments={releases.map((one) => momentOf(one, served.get(one.target) === one.id))}
      />
    </Panel>
  );
}

function momentOf(release: Release, isServed: boolean): Moment {
  const taken = release.left_at !== null;
  const word = taken ? "taken back" : isServed ? "served" : "replaced";
  return {
    key: release.id,
    tone: taken ? "warn" : isServed ? "ok" : "mute",
    icon: taken ? "cross" : isServed ? "check" : "minus",
    title: (
      <>
        <Link
          to="/models/$model/$version"
          params={{ model: release.model, version: String(release.version) }}
        >
          Version {release.version}
        </Link>{" "}
        to {release.target} <Status word={word} tone={taken ? "warn" : isServed ? "ok" : "mute"} />
      </>
    ),
    note: <When time={release.left_at ?? release.released_at} />,
    detail: (
      <>
        {release.reason || `By ${release.actor}.`}
        <details>
          <summary>What it made</summary>
          <Facts facts={Object.entries(release.made).map(([kind, what]) => [kind, what])} />
        </details>
      </>
    ),
  };
}
