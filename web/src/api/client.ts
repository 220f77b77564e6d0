import { address, send, type Query } from "./http";
import type { components, paths } from "./schema";

/** The records of the API, by name; generated from the server's own description of itself. */
export type Schemas = components["schemas"];

type Json<R> = R extends { content: { "application/json": infer Body } } ? Body : never;
type Answers<Operation> = Operation extends { responses: infer R }
  ? Json<R[keyof R & (200 | 201)]>
  : never;
type Paths<Method extends string> = {
  [P in keyof paths]: paths[P] extends Record<Method, { responses: unknown }> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, Method extends string> =
  paths[P] extends Record<Method, infer Found> ? Found : never;
type QueryOf<P extends keyof paths> =
  Operation<P, "get"> extends { parameters: { query?: infer Q } } ? Q : never;
type Names<P extends keyof paths, Method extends string> =
  Operation<P, Method> extends { parameters: { path: infer Found } }
    ? Found
    : Record<string, never>;
type Change = "post" | "put" | "patch" | "delete";
type RequestBody<P extends keyof paths, Method extends string> =
  Operation<P, Method> extends { requestBody?: infer Found } ? NonNullable<Found> : never;
type BodyOf<P extends keyof paths, Method extends string> = [RequestBody<P, Method>] extends [never]
  ? Record<string, never>
  : RequestBody<P, Method> extends { content: { "application/json": infer Body } }
    ? NonNullable<Body>
    : Record<string, never>;

export async function get<P extends Paths<"get">>(
  path: P,
  names: Names<P, "get">,
  query?: QueryOf<P>,
  signal?: AbortSignal,
): Promise<Answers<Operation<P, "get">>> {
  const url = address(path, names as Record<string, string | number>, query as Query);
  const answer = await send("GET", url, undefined, signal);
  return (await answer.json()) as Answers<Operation<P, "get">>;
}

/** A question that is too long for an address, and changes nothing. */
export async function ask<P extends Paths<"post">>(
  path: P,
  names: Names<P, "post">,
  question: BodyOf<P, "post">,
  signal?: AbortSignal,
): Promise<Answers<Operation<P, "post">>> {
  const url = address(path, names as Record<string, string | number>);
  const answer = await send("POST", url, question, signal);
  return (await answer.json()) as Answers<Operation<P, "post">>;
}

/** A change is always JSON, even without content: the server refuses anything else. */
export async function change<Method extends Change, P extends Paths<Method>>(
  method: Method,
  path: P,
  names: Names<P, Method>,
  body: BodyOf<P, Method>,
): Promise<Answers<Operation<P, Method>>> {
  const url = address(path, names as Record<string, string | number>);
  const answer = await send(method.toUpperCase(), url, body);
  return (answer.status === 204 ? null : await answer.json()) as Answers<Operation<P, Method>>;
}
