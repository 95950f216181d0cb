/** Of the command line, for a machine file and for a bundle. */
export type RestoreOptions = {
  readonly passphraseFile?: string;
  readonly recoveryCodeFile?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  /** RFC 3339 */
  readonly at?: string;
  readonly volume: readonly string[];
  readonly data: boolean;
  readonly allowDamaged?: true;
  readonly vaultLoginFile?: string;
};
