import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { download } from "@/api/download";
import { address, send } from "@/api/http";
import type { ModelVersion } from "@/api/rooms/registry";
import { readToken } from "@/api/token";
import { Loaded } from "@/components/Loaded";
import css from "./CardTab.module.css";

const CARD = "/api/v1/projects/{project}/models/{model}/versions/{version}/card";

/** The model card as it was written, in a frame that runs nothing. */
export function CardTab({ version }: { version: ModelVersion }) {
  const names = { project: version.project, model: version.model, version: version.version };
  const title = `Model card of ${version.model} version ${version.version}`;
  const file = `${version.model}-${version.version}-card.md`;
  return (
    <>
      <div className={css.actions}>
        <Button
          size="xs"
          variant="default"
          onClick={() => void download(`${CARD}.md`, names, file)}
        >
          Download as Markdown
        </Button>
      </div>
      {readToken() ? (
        <FetchedCard url={address(CARD, names)} title={title} />
      ) : (
        <iframe className={css.card} sandbox="" title={title} src={address(CARD, names)} />
      )}
    </>
  );
}

/** A frame cannot send a token, so the card is fetched; its styles get this page's nonce. */
function FetchedCard({ url, title }: { url: string; title: string }) {
  const query = useQuery({
    queryKey: ["card", url],
    queryFn: async ({ signal }) => (await send("GET", url, undefined, signal)).text(),
  });
  const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
  return (
    <Loaded query={query} height={640}>
      {(html) => (
        <iframe
          className={css.card}
          sandbox=""
          title={title}
          srcDoc={html.replaceAll("<style>", `<style nonce="${nonce}">`)}
        />
      )}
    </Loaded>
  );
}
