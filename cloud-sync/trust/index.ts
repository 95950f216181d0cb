export {
  CertificateAuthority,
  type CertificateAuthorityOptions,
  type DeviceRequest,
  type IssuedDevice,
  type IssuedServer,
} from './certificate-authority.ts';
export { checkCsr, createCsr, type CheckedCsr } from './csr.ts';
export {
  certificatePin,
  normalSerial,
  parseDeviceCertificate,
  readCertificate,
  type DeviceCertificate,
} from './device-certificate.ts';
export { formatEnrolmentToken, parseEnrolmentToken, type EnrolmentToken } from './enrolment-token.ts';
export { createDeviceKey, type DeviceKey } from './keys.ts';
export { fetchPinnedCa, type PinnedCaRequest } from './pinned-ca.ts';
export {
  createRecoveryKey,
  openRecoveryKey,
  recoveryMessage,
  verifyRecoverySignature,
  type CreatedRecoveryKey,
  type RecoveryKey,
} from './recovery-key.ts';
