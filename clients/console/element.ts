/** What an element is made with: attributes, `data-` and `aria-` names included; false leaves one out. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Make an element with its attributes and children. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  setAttributes(node, attributes);
  node.append(...children);
  return node;
}

/** Set attributes as `element` does; false or undefined removes one. */
export function setAttributes(node: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** A screen of the console: what it shows, and how to let go of all it holds. */
export interface View {
  readonly root: HTMLElement;
  readonly dispose: () => void;
}
