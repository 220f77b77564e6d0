import { address, send } from "./http";

/** Saves the bytes behind an address as a file; through fetch, so that a token goes along. */
export async function download(
  path: string,
  names: Record<string, string | number>,
  fileName: string,
): Promise<void> {
  const answer = await send("GET", address(path, names));
  save(await answer.blob(), fileName);
}

/** Hands bytes to the browser as a file. */
export function save(content: Blob, fileName: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(link.href);
}
