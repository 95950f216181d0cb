import { goUnquote } from './go-quote.ts';
import type { NodeType } from './tree-node.ts';

/** An entry of a tree as `encodeNode` wrote it. */
export type EncodedNode = { readonly name: string; readonly type: NodeType; readonly json: string };

const head = '{"nodes":[';
const tail = ']}\n';
const beforeName = '{"name":"';
const betweenNodes = `},${beforeName}`;
const beforeType = '","type":"';

/**
 * The entries of a tree that `encodeTree` made, in its order, without parsing them. A quote within a text has a backslash before it, so
 * that what is looked for stands between entries only; attributes have names too: a tree with such is undefined here.
 */
export function splitTree(plain: Uint8Array): EncodedNode[] | undefined {
  const text = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString();
  if (text === head + tail) return [];
  if (!text.startsWith(head + beforeName) || !text.endsWith(`}${tail}`)) return undefined;
  if (text.includes('"extended_attributes":')) return undefined;
  const nodes: EncodedNode[] = [];
  for (let at = head.length; ;) {
    const divider = text.indexOf(betweenNodes, at);
    const end = divider < 0 ? text.length - tail.length : divider + 1;
    nodes.push(encodedNode(text.slice(at, end)));
    if (divider < 0) return nodes;
    at = end + 1;
  }
}

function encodedNode(json: string): EncodedNode {
  const nameEnd = json.indexOf(beforeType);
  const typeAt = nameEnd + beforeType.length;
  const quoted = json.slice(beforeName.length, nameEnd);
  const name = quoted.includes('\\') ? goUnquote(JSON.parse(`"${quoted}"`) as string) : quoted;
  return { name, type: json.slice(typeAt, json.indexOf('"', typeAt)) as NodeType, json };
}
