import { useQuery } from "@tanstack/react-query";
import { eventsQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Timeline } from "@/components/Timeline";
import { When } from "@/components/When";
import { sentenceOf } from "./eventSentence";

/** Most events are too fine for this list, so more are read than are shown. */
const READ = 500;
const SHOWN = 10;

/** What happened last, in sentences. */
export function EventFeed({ project }: { project: string }) {
  const query = useQuery(eventsQuery(project, READ));
  return (
    <Panel title="Recent events">
      <Loaded query={query} height={400}>
        {(events) => {
          const told = events.flatMap((event) => {
            const sentence = sentenceOf(event);
            return sentence ? [{ event, sentence }] : [];
          });
          if (told.length === 0) {
            return <EmptyState icon="clock" title="Nothing has happened yet" command="mw run" />;
          }
          return (
            <Timeline
              label="Recent events"
              moments={told.slice(0, SHOWN).map(({ event, sentence }) => ({
                key: event.id,
                tone: sentence.tone,
                icon: sentence.icon,
                title: sentence.text,
                detail: (
                  <>
                    <When time={event.time} /> by {event.actor}
                  </>
                ),
              }))}
            />
          );
        }}
      </Loaded>
    </Panel>
  );
}
