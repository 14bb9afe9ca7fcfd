// A certificate for this machine, signed by itself.
//
// in:  nothing
// out: the certificate and its key, in PEM
// odd: browsers take it by its hash, for WebTransport, if its curve is P-256 and it holds for two weeks at most
import { X509Certificate } from "node:crypto";
import { generate } from "selfsigned";

const DAY = 24 * 3600 * 1000;

const NAMES = [
  { type: 2, value: "localhost" },
  { type: 7, ip: "127.0.0.1" },
];

export async function certificate() {
  const now = Date.now();
  const validity = { notBeforeDate: new Date(now - DAY), notAfterDate: new Date(now + 10 * DAY) };
  const key = { keyType: "ec", curve: "P-256", algorithm: "sha256" };
  const extensions = [{ name: "subjectAltName", altNames: NAMES }];
  const subject = [{ name: "commonName", value: "localhost" }];
  const { cert, private: secret } = await generate(subject, { ...key, ...validity, extensions });
  return { cert: Buffer.from(cert), key: Buffer.from(secret) };
}

/** The bytes that the PEM holds. */
export const der = (cert) => new X509Certificate(cert).raw;
