import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";

interface Props {
  name: string;
  paused: boolean;
  /** The first part of the keys of the queries that this makes stale. */
  affects: string;
  change: (paused: boolean) => Promise<unknown>;
}

export function PauseButton({ name, paused, affects, change }: Props) {
  const queries = useQueryClient();
  const toggle = useMutation({
    mutationFn: () => change(!paused),
    onSuccess: () => queries.invalidateQueries({ queryKey: [affects] }),
  });
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={toggle.isPending}
      onClick={() => toggle.mutate()}
      aria-label={`${paused ? "Resume" : "Pause"} ${name}`}
    >
      {paused ? "Resume" : "Pause"}
    </Button>
  );
}
