import { arch, platform as osPlatform } from 'node:os';
import { SyncError } from '../../errors.ts';

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

/** The reverse. Throws `badRequest` for what is no platform. */
export function parsePlatform(text: string): Platform {
  const [, os, architecture, variant] =
    /^([a-z0-9]{1,64})\/([a-z0-9]{1,64})(?:\/([a-z0-9.]{1,64}))?$/.exec(text) ?? [];
  if (os !== undefined && architecture !== undefined)
    return { os, architecture, ...(variant !== undefined && { variant }) };
  throw new SyncError('badRequest', `${text} is no platform`, {
    hint: 'Write os/architecture[/variant] with the names of OCI, such as linux/amd64 or linux/arm/v7.',
  });
}
