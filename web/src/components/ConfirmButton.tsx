import { Button, Group, Modal, type ButtonProps } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ReactNode } from "react";
import { ApiError } from "@/api/http";

interface Props extends ButtonProps {
  label: string;
  title: string;
  /** What will happen, in a sentence or two. */
  explanation: ReactNode;
  run: () => Promise<unknown>;
  pending: boolean;
  error: unknown;
}

/** A button for a change that deserves a second look. */
export function ConfirmButton({ label, title, explanation, run, pending, error, ...rest }: Props) {
  const [opened, dialog] = useDisclosure(false);
  const confirm = () =>
    run().then(dialog.close, () => {
      // The error is shown in the dialog, which stays open.
    });
  return (
    <>
      <Button size="xs" {...rest} onClick={dialog.open}>
        {label}
      </Button>
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={title}
        centered
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <div>{explanation}</div>
        {error instanceof ApiError && (
          <p role="alert" style={{ color: "var(--bad)" }}>
            {error.message} {error.hint}
          </p>
        )}
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={dialog.close}>
            Cancel
          </Button>
          <Button color={rest.color} loading={pending} onClick={() => void confirm()}>
            {label}
          </Button>
        </Group>
      </Modal>
    </>
  );
}
