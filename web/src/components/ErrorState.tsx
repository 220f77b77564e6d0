import { Button } from "@mantine/core";
import { ApiError } from "@/api/http";
import { Icon } from "./Icon";
import css from "./EmptyState.module.css";

/** What went wrong and what to do next, in the words of the API. */
export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiError ? error : null;
  return (
    <div className={`${css.empty} ${css.error}`} role="alert">
      <span className={css.icon}>
        <Icon name="warning" size={26} />
      </span>
      <div className={css.title}>
        {known?.message ?? "This part of the page could not be shown."}
      </div>
      <p className={css.text}>{known?.hint ?? (known ? "" : String(error))}</p>
      {retry && known?.status !== 404 && (
        <Button variant="default" size="xs" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}
