import type { ForgeConfig } from '@electron-forge/shared-types';

/** How the desktop app is packaged. Makers come with the desktop app itself. */
const config: ForgeConfig = {
  packagerConfig: { name: 'Holdfast', executableName: 'holdfast-desktop', asar: true },
  makers: [],
  plugins: [],
};

export default config;
