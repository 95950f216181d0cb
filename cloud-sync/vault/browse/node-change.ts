import type { ExtendedAttribute, TreeNode } from '../format/tree-node.ts';

export type NodeChange = 'type' | 'content' | 'metadata';

/** What of one entry changed, the weightiest first; undefined when a restore of either gives the same. What is in folders is not looked at. */
export function nodeChange(before: TreeNode, after: TreeNode): NodeChange | undefined {
  if (before.type !== after.type) return 'type';
  if (!hasSameContent(before, after)) return 'content';
  return hasSameMetadata(before, after) ? undefined : 'metadata';
}

function hasSameContent(before: TreeNode, after: TreeNode): boolean {
  const [old = [], current = []] = [before.content, after.content];
  return (
    before.linkTarget === after.linkTarget &&
    old.length === current.length &&
    old.every((id, place) => id === current[place])
  );
}

function hasSameMetadata(before: TreeNode, after: TreeNode): boolean {
  return (
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    before.mtimeNs === after.mtimeNs &&
    before.device === after.device &&
    attributesText(before.extendedAttributes) === attributesText(after.extendedAttributes)
  );
}

function attributesText(attributes: readonly ExtendedAttribute[] = []): string {
  return JSON.stringify(
    attributes.map(({ name, value }) => [name, Buffer.from(value).toString('base64')]).sort(),
  );
}
