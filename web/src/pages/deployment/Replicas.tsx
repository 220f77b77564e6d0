import type { Deployment } from "@/api/rooms/deployment";
import { Status } from "@/components/Status";
import { When } from "@/components/When";

/** The processes that serve, and what they last said. */
export function Replicas({ replicas }: { replicas: Deployment["replicas"] }) {
  return (
    <ul style={{ listStyle: "none", margin: "14px 0 0", padding: 0 }}>
      {replicas.map((replica) => (
        <li key={replica.port}>
          <Status word={replica.state} />{" "}
          <span className="soft">
            process {replica.pid ?? "–"} on port {replica.port}, <When time={replica.updated_at} />
            {replica.message && `. ${replica.message}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
