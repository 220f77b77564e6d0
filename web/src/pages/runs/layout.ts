import { kindWord, parseColumn } from "./columnIds";

export const NAME_WIDTH = 280;
const LOGGED_WIDTH = 128;

export interface LaidColumn {
  id: string;
  title: string;
  width: number;
  right?: boolean;
  kind?: string;
  /** What to ask the server for; columns of the run itself come with its row. */
  logged?: string;
}

/** The columns that every run has. */
export const FACTS: readonly LaidColumn[] = [
  { id: "status", title: "Status", width: 116 },
  { id: "created", title: "Started", width: 108 },
  { id: "duration", title: "Duration", width: 100, right: true },
  { id: "experiment", title: "Experiment", width: 130 },
  { id: "user", title: "By", width: 96 },
];

/** All columns but the name, which stays in view. */
export function columnLayout(columns: readonly string[]): LaidColumn[] {
  return [
    ...FACTS,
    ...columns.map((id) => ({
      id,
      title: parseColumn(id).key,
      width: LOGGED_WIDTH,
      right: !id.startsWith("tags."),
      kind: kindWord(id),
      logged: id,
    })),
  ];
}
