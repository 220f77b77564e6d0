import { Button, NumberInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { setWeights, type Deployment } from "@/api/rooms/deployment";
import { ApiError } from "@/api/http";
import css from "./Variants.module.css";

/** Changes how the variants share the requests, without a restart. */
export function Weights({ deployment }: { deployment: Deployment }) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Record<string, number>>({});
  const change = useMutation({
    mutationFn: () => setWeights(deployment.project, deployment.name, weights),
    onSuccess: () => {
      setTyped({});
      return queries.invalidateQueries();
    },
  });
  const weights = Object.fromEntries(
    deployment.variants.map(({ name, share }) => [
      name,
      typed[name] ?? Math.round(share * 1000) / 10,
    ]),
  );
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  return (
    <form
      className={css.weights}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate();
      }}
    >
      {deployment.variants.map(({ name }) => (
        <NumberInput
          key={name}
          label={name}
          size="xs"
          min={0}
          max={1000}
          decimalScale={1}
          suffix=" %"
          value={weights[name] ?? 0}
          onChange={(value) => {
            setTyped({ ...typed, [name]: Number(value) || 0 });
          }}
        />
      ))}
      <Button
        type="submit"
        size="xs"
        variant="default"
        loading={change.isPending}
        disabled={Object.keys(typed).length === 0 || total <= 0}
      >
        Change weights
      </Button>
      {change.error instanceof ApiError && (
        <p role="alert" className={css.refused}>
          {change.error.message} {change.error.hint}
        </p>
      )}
    </form>
  );
}
