import { ago, moment } from "@/format/time";

/** How long ago, with the full time on hover and for machines. */
export function When({ time }: { time: string | null | undefined }) {
  if (!time) return <span className="soft">–</span>;
  return (
    <time dateTime={time} title={moment(time)} className="num">
      {ago(time)}
    </time>
  );
}
