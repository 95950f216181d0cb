export { CertificateAuthority, type IssuedDevice } from './certificate-authority.ts';
export { checkCsr, createCsr } from './csr.ts';
export { certificatePin, parseDeviceCertificate, readCertificate } from './device-certificate.ts';
export { formatEnrolmentToken, parseEnrolmentToken } from './enrolment-token.ts';
export { createDeviceKey } from './keys.ts';
export { fetchPinnedCa } from './pinned-ca.ts';
export {
  createRecoveryKey,
  openRecoveryKey,
  recoveryMessage,
  verifyRecoverySignature,
} from './recovery-key.ts';
