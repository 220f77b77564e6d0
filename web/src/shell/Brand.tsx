import { Link } from "@tanstack/react-router";
import css from "./Shell.module.css";

export function Brand() {
  return (
    <Link to="/" className={css.brand}>
      <img src="/favicon.svg" width="24" height="24" alt="" />
      Millwright
    </Link>
  );
}
