import { arch, platform as osPlatform } from 'node:os';

/** As the OCI image spec names it (Go's names). */
export type Platform = {
  readonly os: string;
  readonly architecture: string;
  /** Such as `v8` of arm64. */
  readonly variant?: string | undefined;
};

const architectures: Partial<Record<string, Platform>> = {
  x64: { os: '', architecture: 'amd64' },
  arm64: { os: '', architecture: 'arm64', variant: 'v8' },
  arm: { os: '', architecture: 'arm', variant: 'v7' },
  ia32: { os: '', architecture: '386' },
};

/** What runs on this machine; images are Linux's on every system but Windows. */
export function hostPlatform(): Platform {
  const known = architectures[arch()] ?? { architecture: arch() };
  return { ...known, os: osPlatform() === 'win32' ? 'windows' : 'linux' };
}

/** `linux/arm64/v8` */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join('/');
}
