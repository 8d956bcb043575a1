// The public key of an X.509 certificate (RFC 5280), read with a small DER reader: Web Crypto takes keys only.
import { decodeBase64, encodeBase64 } from '../base64.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Element = { readonly tag: number; readonly content: Bytes; readonly whole: Bytes; readonly end: number };

/** `spki` is base64 of the key's SubjectPublicKeyInfo. */
export type Certificate = {
  readonly spki: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

const pemBlock = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----/;
const pemMaxChars = 65_536;
const sequence = 0x30;
const version = 0xa0;
const utcTime = 0x17;
const generalizedTime = 0x18;

/** The first certificate of a PEM text, which is the one that signs; undefined when there is none. */
export function readCertificate(pem: string): Certificate | undefined {
  if (pem.length > pemMaxChars) return undefined;
  const der = decodeBase64((pemBlock.exec(pem)?.[1] ?? '').replace(/\s+/g, ''));
  const certificate = der && elementAt(der, 0);
  const signed = certificate?.tag === sequence ? elementAt(certificate.content, 0) : undefined;
  if (signed?.tag !== sequence) return undefined;
  const fields = childrenOf(signed.content);
  // A version comes first in all but version 1; then serial number, algorithm, issuer, validity, subject, key.
  const [, , , validity, , key] = fields[0]?.tag === version ? fields.slice(1) : fields;
  if (validity?.tag !== sequence || key?.tag !== sequence) return undefined;
  const [from, to] = childrenOf(validity.content).map(timeOf);
  if (from === undefined || to === undefined) return undefined;
  return { spki: encodeBase64(key.whole), notBeforeMs: from, notAfterMs: to };
}

/** Whether the bytes are one DER sequence that starts with another, as keys and certificates are. */
export function isNestedSequence(bytes: Bytes): boolean {
  const whole = elementAt(bytes, 0);
  if (whole?.tag !== sequence || whole.end !== bytes.length) return false;
  return elementAt(whole.content, 0)?.tag === sequence;
}

function childrenOf(bytes: Bytes): readonly Element[] {
  const children: Element[] = [];
  for (let element = elementAt(bytes, 0); element !== undefined; element = elementAt(bytes, element.end)) {
    children.push(element);
  }
  return children;
}

/** Definite lengths only, as DER demands; undefined at the end and for what runs over it. */
function elementAt(bytes: Bytes, start: number): Element | undefined {
  const [tag, first] = bytes.subarray(start, start + 2);
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 3 || first === 0x80) return undefined;
  const head = start + 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : numberOf(bytes.subarray(start + 2, head));
  const end = head + length;
  if (end > bytes.length) return undefined;
  return { tag, content: bytes.subarray(head, end), whole: bytes.subarray(start, end), end };
}

function numberOf(bytes: Bytes): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

function timeOf({ tag, content }: Element): number | undefined {
  const text = String.fromCharCode(...content.subarray(0, 20));
  if (tag !== utcTime && tag !== generalizedTime) return undefined;
  // RFC 5280 section 4.1.2.5.1: two digits of a year from 50 on are of the last century.
  const century = Number(text.slice(0, 2)) < 50 ? '20' : '19';
  const full = tag === generalizedTime ? text : century + text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full)?.slice(1);
  if (parts === undefined) return undefined;
  const [year, month, day, hour, minute, second] = parts;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}
