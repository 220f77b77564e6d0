import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { Icon } from "./Icon";
import css from "./Command.module.css";

/** A command to run, with a button that copies it. */
export function Command({ text }: { text: string }) {
  return (
    <div className={css.command}>
      <pre className={`mono ${css.text}`} tabIndex={0}>
        {text}
      </pre>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? "Copied" : "Copy"} position="left">
            <ActionIcon
              variant="subtle"
              color="gray"
              onClick={copy}
              aria-label={copied ? "Copied" : `Copy: ${text}`}
            >
              <Icon name={copied ? "check" : "copy"} />
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}
