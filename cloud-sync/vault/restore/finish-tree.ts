import { linkSync, symlinkSync, unlinkSync } from 'node:fs';
import { errorCode } from '../../../lib/error-code.ts';
import { applyAttributes, type AttributeContext } from './apply-attributes.ts';
import { attempt, each, type MakeContext } from './make-folders.ts';
import { rawPath } from '../snapshot/raw-path.ts';
import type { Attributes, StagedLink, StagedNode, StagedTree } from './staged-tree.ts';

/** `st_mode` bits of what has no content. */
const typeBits = { fifo: 0o010000, chardev: 0o020000, dev: 0o060000 } as const;

/**
 * What comes after the files: those that were left out go, then nodes and symlinks, further names of files, and last what folders have
 * beside their entries, the deepest first: nothing is made in a folder after its time was set.
 */
export async function finishTree(tree: StagedTree, context: MakeContext & AttributeContext): Promise<void> {
  removeLeftOut(tree, context);
  await each(tree.nodes, context, (node) => makeNode(node, context));
  await each(tree.links, context, (link) => makeLink(link, context));
  await each(tree.folders.toReversed(), context, ({ path, attributes }) =>
    setAttributes(path, attributes, false, context),
  );
}

/** [G8] A part of a file is not left under its name. */
function removeLeftOut({ files }: StagedTree, { problems, root }: MakeContext): void {
  for (const index of problems.leftOut.keys()) {
    const path = files[index]?.path;
    if (path === undefined || files[index]?.chunks.length === 1) continue;
    try {
      unlinkSync(rawPath(`${root}/${path}`));
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errorCode(error) ?? '')) throw error;
    }
  }
}

function makeNode(node: StagedNode, context: MakeContext & AttributeContext): void {
  const made = attempt(context, node.path, () => {
    const path = rawPath(`${context.root}/${node.path}`);
    if (node.type === 'symlink') symlinkSync(rawPath(node.linkTarget), path);
    else makeSpecial(path, { ...node, type: node.type }, context);
  });
  if (made) setAttributes(node.path, node.attributes, node.type === 'symlink', context);
}

function makeSpecial(
  path: string | Buffer,
  { type, attributes, device }: StagedNode & { readonly type: keyof typeof typeBits },
  { posix }: AttributeContext,
): void {
  if (posix === undefined) throw Object.assign(new Error('no access to the C library'), { code: 'ENOSYS' });
  posix.makeNode(path, typeBits[type] | (attributes.mode & 0o777), device);
}

function makeLink({ path, of, file }: StagedLink, context: MakeContext): void {
  const problem = file === undefined ? undefined : context.problems.leftOut.get(file);
  if (problem !== undefined) {
    context.problems.add({ ...problem, path: context.named(path) });
    return;
  }
  attempt(context, path, () =>
    linkSync(rawPath(`${context.root}/${of}`), rawPath(`${context.root}/${path}`)),
  );
}

function setAttributes(
  path: string,
  attributes: Attributes,
  isLink: boolean,
  context: MakeContext & AttributeContext,
): void {
  const raw = rawPath(`${context.root}/${path}`);
  for (const message of applyAttributes({ path: raw }, attributes, { ...context, isLink })) {
    context.problems.add({ path: context.named(path), code: 'attribute', message });
  }
}
