import { Button, PasswordInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { ApiError } from "@/api/http";
import { projectsQuery } from "@/api/queries";
import { readToken, saveToken } from "@/api/token";
import css from "./TokenGate.module.css";

/** Asks for a token when the control plane wants to know who is calling. */
export function TokenGate({ children }: { children: ReactNode }) {
  const projects = useQuery(projectsQuery);
  const queries = useQueryClient();
  const [token, setToken] = useState("");
  const refused = projects.error instanceof ApiError && projects.error.status === 401;
  if (!refused) return children;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    saveToken(token.trim());
    void queries.resetQueries();
  };
  return (
    <main className={css.gate}>
      <form className={css.card} onSubmit={submit}>
        <h1 className={css.title}>Sign in to Millwright</h1>
        <p className="soft">
          This control plane asks for a token. An admin makes one with <code>mw token create</code>.
        </p>
        <PasswordInput
          label="Token"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          error={readToken() ? "This token is not accepted." : undefined}
          autoComplete="off"
          data-autofocus
          required
        />
        <Button type="submit" mt="md" fullWidth>
          Sign in
        </Button>
      </form>
    </main>
  );
}
