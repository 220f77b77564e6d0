import { Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/EmptyState";
import { Page } from "@/components/Page";
import { Panel } from "@/components/Panel";

export function NotFound() {
  return (
    <Page title="There is no such page">
      <Panel title="Not found">
        <EmptyState icon="search" title="Nothing lives at this address">
          It may have been renamed. The <Link to="/">overview</Link> lists everything there is.
        </EmptyState>
      </Panel>
    </Page>
  );
}
