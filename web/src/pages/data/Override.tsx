import { Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { overrideVersion, type DatasetVersion, type VersionCheck } from "@/api/rooms/data";
import { ConfirmButton } from "@/components/ConfirmButton";

/** A version that is blocked, and the way to let it through; or the reason why it was. */
export function Override({ version, check }: { version: DatasetVersion; check: VersionCheck }) {
  const [reason, setReason] = useState("");
  const queries = useQueryClient();
  const override = useMutation({
    mutationFn: () => overrideVersion(version, reason),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["data"] }),
  });
  if (check.override) {
    return <p role="note">Let through all the same: {check.override}</p>;
  }
  if (check.verdict !== "blocked") return null;
  return (
    <ConfirmButton
      label="Let it through"
      title={`Let version ${version.version} of ${version.name} through?`}
      explanation={
        <>
          <p>No run can read this version while a blocking check fails. Your reason is kept.</p>
          <Textarea
            label="Reason"
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </>
      }
      run={() => override.mutateAsync()}
      pending={override.isPending}
      error={override.error}
      variant="default"
    />
  );
}
