import { authorization } from "./token";

/** An error answer of the API: what was wrong and what to do next. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** A path of the API with each `{name}` replaced by its escaped value. */
export function address(
  path: string,
  names: Record<string, string | number> = {},
  query: Query = {},
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(names[name] ?? ""),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `${filled}${text ? `?${text}` : ""}`;
}

export async function send(method: string, url: string, body?: unknown, signal?: AbortSignal) {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      signal,
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...authorization(),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(
      0,
      "http.unreachable",
      "The control plane does not answer.",
      "Start it with: mw up",
    );
  }
  if (!answer.ok) throw await explain(answer);
  return answer;
}

async function explain(answer: Response): Promise<ApiError> {
  const body: unknown = await answer.json().catch(() => null);
  const error = (body as { error?: { code?: string; message?: string; hint?: string } } | null)
    ?.error;
  return new ApiError(
    answer.status,
    error?.code ?? "http.error",
    error?.message ?? `The server answered ${answer.status}.`,
    error?.hint,
  );
}
