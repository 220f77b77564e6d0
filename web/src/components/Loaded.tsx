import { Skeleton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorState } from "./ErrorState";

interface Props<T> {
  query: UseQueryResult<T>;
  /** Height of the grey block that holds the place while loading. */
  height?: number;
  children: (data: T) => ReactNode;
}

/** What a query answered: a place holder, the error with its hint, or the data. */
export function Loaded<T>({ query, height = 120, children }: Props<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  return (
    <div role="status" aria-label="Loading">
      <Skeleton height={height} radius="md" />
    </div>
  );
}
