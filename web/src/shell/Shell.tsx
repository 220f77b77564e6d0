import { Outlet } from "@tanstack/react-router";
import { useRef } from "react";
import { Brand } from "./Brand";
import { Navigation } from "./Navigation";
import { ProjectGate } from "./ProjectGate";
import { ProjectSwitcher } from "./ProjectSwitcher";
import { ThemeToggle } from "./ThemeToggle";
import { LiveLamp, LiveProvider } from "./LiveProvider";
import { TokenGate } from "./TokenGate";
import css from "./Shell.module.css";

/** What surrounds every page: the way around, the project, and whether the page is live. */
export function Shell() {
  const main = useRef<HTMLElement>(null);
  const skip = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    main.current?.focus();
    main.current?.scrollIntoView();
  };
  return (
    <TokenGate>
      <LiveProvider>
        <a className={css.skip} href="#main" onClick={skip}>
          Skip to the content
        </a>
        <div className={css.shell}>
          <header className={css.side}>
            <Brand />
            <ProjectSwitcher />
            <Navigation />
            <div className={css.foot}>
              <LiveLamp />
              <ThemeToggle />
            </div>
          </header>
          <main id="main" ref={main} tabIndex={-1}>
            <ProjectGate>
              <Outlet />
            </ProjectGate>
          </main>
        </div>
      </LiveProvider>
    </TokenGate>
  );
}
