import { rfc3339OfNs } from './rfc3339.ts';
import { goFileMode } from './file-mode.ts';
import { goJsonText } from './go-json.ts';
import { goQuote } from './go-quote.ts';
import { bytesOfName } from './name-bytes.ts';
import type { ExtendedAttribute, TreeNode } from './tree-node.ts';

const maxUint64 = 2n ** 64n - 1n;

/** JSON of one entry, its keys in the order of restic's: the same entry is the same bytes, whoever writes it. */
export function encodeNode(node: TreeNode): string {
  const { linkTarget, subtree } = node;
  return (
    encodeNodeHead(node) +
    (linkTarget === undefined ? '' : encodeLinkTarget(linkTarget)) +
    `${encodeAttributes(node.extendedAttributes)}${optionalNumber('device', node.device ?? 0)}` +
    `,"content":${encodeContent(node)}${subtree === undefined ? '' : `,"subtree":"${subtree}"`}}`
  );
}

/** The beginning of that, up to the comma before what `lstat` does not say. */
export function encodeNodeHead(node: TreeNode): string {
  const { type } = node;
  const mode = goFileMode(node.mode, type);
  const mtime = rfc3339OfNs(node.mtimeNs);
  const atime = node.atimeNs === node.mtimeNs ? mtime : rfc3339OfNs(node.atimeNs);
  return (
    `{"name":${goJsonText(goQuote(node.name))},"type":"${type}"${mode === 0 ? '' : `,"mode":${mode}`}` +
    `,"mtime":"${mtime}","atime":"${atime}","ctime":"${rfc3339OfNs(node.ctimeNs)}"` +
    `,"uid":${node.uid},"gid":${node.gid}` +
    `${optionalText('user', node.user)}${optionalText('group', node.group)}` +
    `${optionalNumber('inode', node.inode)}${optionalNumber('device_id', node.deviceId)}` +
    `${optionalNumber('size', node.size)}${optionalNumber('links', node.links)}`
  );
}

function optionalText(key: string, text: string): string {
  return text === '' ? '' : `,"${key}":${goJsonText(text)}`;
}

/** Inode numbers may take 64 bits, of which a number keeps 53; rounded up to 2^64 they would not be read again. */
function optionalNumber(key: string, value: number): string {
  if (value === 0) return '';
  if (Number.isSafeInteger(value)) return `,"${key}":${value}`;
  const whole = BigInt(value);
  return `,"${key}":${whole > maxUint64 ? maxUint64 : whole}`;
}

function encodeLinkTarget(target: string): string {
  const text = target === '' ? '' : `,"linktarget":${goJsonText(target)}`;
  return target.isWellFormed()
    ? text
    : `${text},"linktarget_raw":"${bytesOfName(target).toString('base64')}"`;
}

function encodeAttributes(attributes: readonly ExtendedAttribute[] = []): string {
  if (attributes.length === 0) return '';
  const texts = attributes.map(
    ({ name, value }) => `{"name":${goJsonText(name)},"value":"${Buffer.from(value).toString('base64')}"}`,
  );
  return `,"extended_attributes":[${texts.join(',')}]`;
}

function encodeContent({ type, content }: TreeNode): string {
  if (type !== 'file') return 'null';
  if (content === undefined || content.length === 0) return '[]';
  return `["${content.join('","')}"]`;
}
