export { treeDifferences, treeEntries, type TreeEntries } from '../../examples/story/tree-entries.ts';
