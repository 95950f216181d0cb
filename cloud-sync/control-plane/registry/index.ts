export { openFolderRegistryStore } from './folder-registry-store.ts';
export { registryPlugin, type RegistryAccess, type RegistryPluginOptions } from './registry-plugin.ts';
export type { RegistryStore } from './registry-store.ts';
