import { SyncError } from '../../errors.ts';
import { isBlobId, type BlobId } from './blob-id.ts';
import { unixMode } from './file-mode.ts';
import { goUnquote } from './go-quote.ts';
import { nameOfBytes } from './name-bytes.ts';
import { nsOfRfc3339 } from './rfc3339.ts';
import type { ExtendedAttribute, NodeType, TreeNode } from './tree-node.ts';

const types: ReadonlySet<string> = new Set<NodeType>([
  'file',
  'dir',
  'symlink',
  'dev',
  'chardev',
  'fifo',
  'socket',
]);
const maxUint32 = 2 ** 32 - 1;

type Fields = Record<string, unknown>;

/**
 * One entry of a tree's JSON; keys it does not know are left out. By hand rather than by a schema: a snapshot has hundreds of
 * thousands. Rejects with `corrupt`, also for names that would lead out of their folder.
 */
export function decodeNode(json: unknown): TreeNode {
  if (!isFields(json)) throw new SyncError('corrupt', 'An entry of a tree is no object');
  const name = decodeName(json.name);
  try {
    return decodeFields(name, json);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw new SyncError(
      'corrupt',
      `The entry ${JSON.stringify(name)} of a tree is damaged: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

function decodeFields(name: string, json: Fields): TreeNode {
  const type = decodeType(json.type);
  const node = {
    name,
    type,
    mode: unixMode(integer(json, 'mode', maxUint32)),
    mtimeNs: time(json, 'mtime'),
    atimeNs: time(json, 'atime'),
    ctimeNs: time(json, 'ctime'),
    uid: integer(json, 'uid', maxUint32),
    gid: integer(json, 'gid', maxUint32),
    user: text(json, 'user'),
    group: text(json, 'group'),
    inode: integer(json, 'inode'),
    deviceId: integer(json, 'device_id'),
    links: integer(json, 'links'),
    size: type === 'file' ? integer(json, 'size', Number.MAX_SAFE_INTEGER) : 0,
  };
  return { ...node, ...ofType(type, json), ...attributesOf(json.extended_attributes) };
}

function ofType(type: NodeType, json: Fields): Partial<TreeNode> {
  switch (type) {
    case 'file':
      return { content: decodeContent(json.content) };
    case 'dir':
      return json.subtree === undefined ? {} : { subtree: blobId(json.subtree) };
    case 'symlink':
      return { linkTarget: decodeLinkTarget(json) };
    case 'dev':
    case 'chardev':
      return { device: integer(json, 'device') };
    case 'fifo':
    case 'socket':
      return {};
    default:
      return type satisfies never;
  }
}

function isFields(json: unknown): json is Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function decodeName(value: unknown): string {
  if (typeof value !== 'string') throw new SyncError('corrupt', 'An entry of a tree has no name');
  const name = goUnquote(value);
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new SyncError(
      'corrupt',
      `An entry of a tree has the name ${JSON.stringify(name)}, which no file can have`,
    );
  }
  return name;
}

function decodeType(value: unknown): NodeType {
  if (typeof value === 'string' && types.has(value)) return value as NodeType;
  throw new SyncError('corrupt', `its type ${JSON.stringify(value)} is unknown`);
}

/** Left out means 0, as Go does. */
function integer(json: Fields, key: string, max = Infinity): number {
  const value = json[key] ?? 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new SyncError('corrupt', `its ${key} is ${JSON.stringify(value)}`);
}

function text(json: Fields, key: string): string {
  const value = json[key] ?? '';
  if (typeof value === 'string') return value.toWellFormed();
  throw new SyncError('corrupt', `its ${key} is ${JSON.stringify(value)}`);
}

function time(json: Fields, key: string): bigint {
  const value = json[key];
  if (value === undefined) return 0n;
  if (typeof value === 'string') return nsOfRfc3339(value);
  throw new SyncError('corrupt', `its ${key} is ${JSON.stringify(value)}`);
}

function blobId(value: unknown): BlobId {
  if (typeof value === 'string' && isBlobId(value)) return value;
  throw new SyncError('corrupt', `${JSON.stringify(value)} is no id of a blob`);
}

function decodeContent(value: unknown): readonly BlobId[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map(blobId);
  throw new SyncError('corrupt', 'its content is no list');
}

function decodeLinkTarget(json: Fields): string {
  const raw = json.linktarget_raw;
  const target = typeof raw === 'string' ? nameOfBytes(Buffer.from(raw, 'base64')) : text(json, 'linktarget');
  if (target.includes('\0')) throw new SyncError('corrupt', 'its link target has a NUL');
  return target;
}

function attributesOf(value: unknown): { readonly extendedAttributes?: readonly ExtendedAttribute[] } {
  if (value === undefined || value === null) return {};
  if (!Array.isArray(value)) throw new SyncError('corrupt', 'its extended attributes are no list');
  return { extendedAttributes: value.map(decodeAttribute) };
}

function decodeAttribute(json: unknown): ExtendedAttribute {
  if (!isFields(json)) throw new SyncError('corrupt', 'one of its extended attributes is no object');
  return { name: text(json, 'name'), value: Buffer.from(text(json, 'value'), 'base64') };
}
