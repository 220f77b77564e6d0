import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { projectsQuery } from "@/api/queries";

/** The project on show: the one in the address, else the first; null while there is none. */
export function useProjectName(): string | null {
  const chosen = useSearch({ strict: false, select: (search) => search.project });
  const projects = useQuery(projectsQuery).data;
  return chosen ?? projects?.[0]?.name ?? null;
}

/** The project on show, for pages: the gate around them lets none through without one. */
export function useProject(): string {
  const name = useProjectName();
  if (name === null) throw new Error("A page was shown without a project.");
  return name;
}
