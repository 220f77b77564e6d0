import { Fragment, type ReactNode } from "react";
import { blocks, type Block, type Inline } from "./markdown";
import css from "./Markdown.module.css";

/** Text that people wrote, with its Markdown; HTML in it stays text. */
export function Markdown({ text }: { text: string }) {
  return (
    <div className={css.text}>
      {blocks(text).map((block, index) => (
        <Fragment key={index}>{shown(block)}</Fragment>
      ))}
    </div>
  );
}

function shown(block: Block): ReactNode {
  switch (block.kind) {
    case "heading":
      return <p className={css.heading}>{written(block.children)}</p>;
    case "paragraph":
      return <p>{written(block.children)}</p>;
    case "quote":
      return <blockquote>{written(block.children)}</blockquote>;
    case "code":
      return (
        <pre className="mono" tabIndex={0}>
          {block.text}
        </pre>
      );
    case "rule":
      return <hr />;
    case "list": {
      const items = block.items.map((item, index) => <li key={index}>{written(item)}</li>);
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
  }
}

function written(parts: readonly Inline[]): ReactNode {
  return parts.map((part, index) => {
    switch (part.kind) {
      case "text":
        return <Fragment key={index}>{part.text}</Fragment>;
      case "code":
        return (
          <code key={index} className="mono">
            {part.text}
          </code>
        );
      case "mention":
        return (
          <strong key={index} className={css.mention}>
            {part.text}
          </strong>
        );
      case "strong":
        return <strong key={index}>{written(part.children)}</strong>;
      case "em":
        return <em key={index}>{written(part.children)}</em>;
      case "link":
        return (
          <a key={index} href={part.href} rel="noopener noreferrer nofollow">
            {written(part.children)}
          </a>
        );
    }
  });
}
