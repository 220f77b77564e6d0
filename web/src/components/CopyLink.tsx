import { Button, CopyButton } from "@mantine/core";

/** Copies the address of the page, which holds everything that was chosen on it. */
export function CopyLink() {
  return (
    <CopyButton value={window.location.href}>
      {({ copied, copy }) => (
        <Button size="xs" variant="default" onClick={copy}>
          {copied ? "Copied" : "Copy link"}
        </Button>
      )}
    </CopyButton>
  );
}
