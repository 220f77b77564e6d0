import { Button, Popover, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { change } from "@/api/client";
import { ApiError } from "@/api/http";
import { viewsQuery } from "@/api/rooms/collaboration";
import { readRunsSearch, type RunsSearch } from "./runsSearch";
import css from "./SavedViews.module.css";

const PAGE = "runs";
const VIEW = "/api/v1/projects/{project}/views/{page}/{name}";

interface Props {
  project: string;
  search: RunsSearch;
}

/** Views of the table under names, for everybody in the project. */
export function SavedViews({ project, search }: Props) {
  const views = useQuery(viewsQuery(project, PAGE)).data ?? [];
  const navigate = useNavigate({ from: "/runs" });
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [opened, setOpened] = useState(false);
  const again = () => queries.invalidateQueries({ queryKey: ["views"] });
  const save = useMutation({
    mutationFn: () => {
      const query = encodeURIComponent(JSON.stringify(search));
      return change("put", VIEW, { project, page: PAGE, name: name.trim() }, { query });
    },
    onSuccess: () => {
      setName("");
      return again();
    },
  });
  const remove = useMutation({
    mutationFn: (gone: string) => change("delete", VIEW, { project, page: PAGE, name: gone }, {}),
    onSuccess: again,
  });
  const show = (query: string) => {
    setOpened(false);
    void navigate({ search: () => readRunsSearch(parsed(query)) });
  };
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      trapFocus
      shadow="md"
      width={300}
    >
      <Popover.Target>
        <Button variant="default" size="sm" onClick={() => setOpened(!opened)}>
          Views
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Views">
        {views.length > 0 && (
          <ul className={css.list}>
            {views.map((view) => (
              <li key={view.name}>
                <button type="button" className={css.open} onClick={() => show(view.query)}>
                  <span className="clip">{view.name}</span>
                  <span className="soft">{view.actor}</span>
                </button>
                <Button
                  size="compact-xs"
                  variant="subtle"
                  aria-label={`Forget the view ${view.name}`}
                  onClick={() => remove.mutate(view.name)}
                >
                  Forget
                </Button>
              </li>
            ))}
          </ul>
        )}
        <form
          className={css.save}
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== "") save.mutate();
          }}
        >
          <TextInput
            size="xs"
            aria-label="Name of the view"
            placeholder="Name this view"
            maxLength={100}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={save.error instanceof ApiError ? save.error.message : undefined}
            data-autofocus
          />
          <Button size="xs" type="submit" loading={save.isPending}>
            Save
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

function parsed(query: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(decodeURIComponent(query));
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
