import { encodeNode } from './encode-node.ts';
import { goJsonText } from './go-json.ts';
import { goQuote, goUnquote } from './go-quote.ts';
import type { NodeType, TreeNode } from './tree-node.ts';

/** An entry of a tree as `encodeNode` wrote it. */
export type EncodedNode = { readonly name: string; readonly type: NodeType; readonly json: string };

export const treeHead = '{"nodes":[';
export const treeTail = ']}\n';
const beforeName = '{"name":"';
export const betweenNodes = `},${beforeName}`;
const beforeType = '","type":"';
const attributesKey = '"extended_attributes":';

export function textOf(node: TreeNode | EncodedNode): string {
  return 'json' in node ? node.json : encodeNode(node);
}

/** How the text of the entry of this name begins, and no other place in a divisible tree. */
export function nodeStart(name: string): string {
  return `{"name":${goJsonText(goQuote(name))},"type":"`;
}

/**
 * Whether entries of a tree that `encodeTree` made can be told apart without parsing it: a quote within a text has a backslash before
 * it, so that what stands between entries stands nowhere else; but attributes have names too.
 */
export function isDivisible(plain: Buffer): boolean {
  const hasFrame =
    plain.indexOf(treeHead + beforeName) === 0 &&
    plain.lastIndexOf(`}${treeTail}`) === plain.byteLength - treeTail.length - 1;
  return (hasFrame || plain.equals(emptyTree)) && !plain.includes(attributesKey);
}

const emptyTree = Buffer.from(treeHead + treeTail);

/** The entries of a tree that `encodeTree` made, in its order, without parsing them; undefined for one that is not divisible. */
export function splitTree(plain: Buffer): EncodedNode[] | undefined {
  if (!isDivisible(plain)) return undefined;
  if (plain.equals(emptyTree)) return [];
  const text = plain.toString();
  const nodes: EncodedNode[] = [];
  for (let at = treeHead.length; ;) {
    const divider = text.indexOf(betweenNodes, at);
    const end = divider < 0 ? text.length - treeTail.length : divider + 1;
    nodes.push(encodedNode(text.slice(at, end)));
    if (divider < 0) return nodes;
    at = end + 1;
  }
}

function encodedNode(json: string): EncodedNode {
  const nameEnd = json.indexOf(beforeType);
  const typeAt = nameEnd + beforeType.length;
  const name = nameOf(json.slice(beforeName.length, nameEnd));
  return { name, type: json.slice(typeAt, json.indexOf('"', typeAt)) as NodeType, json };
}

/** Of the entry whose text begins at `start`. */
export function nameAt(plain: Buffer, start: number): string {
  return nameOf(plain.toString('utf8', start + beforeName.length, plain.indexOf(beforeType, start)));
}

function nameOf(quoted: string): string {
  return quoted.includes('\\') ? goUnquote(JSON.parse(`"${quoted}"`) as string) : quoted;
}
