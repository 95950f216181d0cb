export { openFolderVaultStore } from './folder-vault-store.ts';
export { VaultRules } from './vault-rules.ts';
export { vaultPlugin } from './vault-plugin.ts';
export { Vaults } from './vaults.ts';
