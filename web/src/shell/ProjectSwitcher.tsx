import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { projectsQuery } from "@/api/queries";
import { useProjectName } from "./project";

/** Which project the pages show. */
export function ProjectSwitcher() {
  const projects = useQuery(projectsQuery).data ?? [];
  const project = useProjectName();
  const navigate = useNavigate();
  if (project === null) return null;
  return (
    <NativeSelect
      aria-label="Project"
      size="sm"
      value={project}
      data={projects.map(({ name }) => name)}
      onChange={(event) =>
        void navigate({ to: "/", search: { project: event.currentTarget.value } })
      }
    />
  );
}
