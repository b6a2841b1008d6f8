/**
 * A file that only the root secret opens: lines of text, compressed and encrypted in frames (AES-256-GCM), so that
 * neither writing nor reading it needs more memory than a frame. A frame knows its place and whether it is the last
 * one: none can be changed, moved, left out or cut off without being noticed.
 *
 *   latchkey backup 1 LF {"salt","check","created"} LF  { length (4 bytes) ciphertext tag (16 bytes) }…
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { refuse } from "../errors.ts";

const MAGIC = "latchkey backup 1\n";
/** Plain text of a frame, about. */
const FRAME = 1 << 20;
/** No frame is longer: a line is a record, and records are small. */
const MOST = 64 << 20;
const TAG = 16;
const HEADER = 1024;

interface Keys {
  cipher: Buffer;
  check: string;
}

function keysOf(secret: string, salt: string): Keys {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync("sha256", Buffer.from(secret, "base64url"), salt, `latchkey backup ${purpose}`, 32));
  return { cipher: derive("frames"), check: derive("check").toString("base64url") };
}

/** The nonce of a frame is its number: each file has a key of its own. */
function nonce(index: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(index), 4);
  return bytes;
}

function context(header: Buffer, last: boolean): Buffer {
  return Buffer.concat([createHash("sha256").update(header).digest(), Buffer.of(last ? 1 : 0)]);
}

export interface SealedWriter {
  line(text: string): void;
  /** Puts the file in its place; returns the SHA-256 of what it holds, as `sha256sum` has it. */
  finish(): { sha256: string; bytes: number };
  /** Leaves nothing behind. */
  abandon(): void;
}

/**
 * Writes a file for its owner alone; until it is complete it has another name.
 *
 * @param secret the key that the vault derives for backups, base64url
 */
export function writeSealed(path: string, secret: string, created: string): SealedWriter {
  const salt = randomBytes(16).toString("base64url");
  const { cipher: key, check } = keysOf(secret, salt);
  const header = Buffer.from(`${MAGIC}${JSON.stringify({ salt, check, created })}\n`);
  const part = `${path}.part`;
  const file = openSync(part, "w", 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  const put = (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    hash.update(chunk);
    bytes += chunk.length;
  };
  let [lines, length, index] = [[] as string[], 0, 0];
  const frame = (last: boolean) => {
    const cipher = createCipheriv("aes-256-gcm", key, nonce(index++)).setAAD(context(header, last));
    const plain = deflateRawSync(lines.join(""), { level: 4 });
    const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(sealed.length);
    put(Buffer.concat([size, sealed]));
    [lines, length] = [[], 0];
  };
  put(header);
  return {
    line(text) {
      lines.push(`${text}\n`);
      length += text.length + 1;
      if (length >= FRAME) frame(false);
    },
    finish() {
      frame(true);
      fsyncSync(file);
      closeSync(file);
      renameSync(part, path);
      return { sha256: hash.digest("hex"), bytes };
    },
    abandon() {
      closeSync(file);
      rmSync(part, { force: true });
    },
  };
}

/**
 * The lines of a file, a frame at a time. What it yields is genuine as far as it goes; that nothing is missing is sure
 * only at the end, so read to the end before anything is done with it.
 *
 * @param secrets the keys that the vault derives for backups, newest first
 * @throws `backup_refused`
 */
export function* readSealed(
  path: string,
  secrets: readonly string[],
): Generator<{ lines: string[]; share: number }> {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const header = readHeader(file);
    const key = keyFor(header, secrets);
    let at = header.length;
    for (let index = 0; ; index++) {
      const length = at + 4 <= size ? read(file, at, 4).readUInt32BE() : 0;
      if (length < TAG || length > MOST || at + 4 + length > size) throw broken();
      const last = at + 4 + length === size;
      const text = open(key, index, context(header, last), read(file, at + 4, length));
      at += 4 + length;
      yield { lines: text.split("\n").slice(0, -1), share: at / size };
      if (last) return;
    }
  } finally {
    closeSync(file);
  }
}

function readHeader(file: number): Buffer {
  const head = read(file, 0, HEADER);
  const end = head.indexOf("\n", MAGIC.length);
  if (!head.toString("latin1").startsWith(MAGIC) || end < 0)
    throw refuse("backup_refused", { detail: "It is no backup of Latchkey." });
  return head.subarray(0, end + 1);
}

function keyFor(header: Buffer, secrets: readonly string[]): Buffer {
  let found: { salt?: unknown; check?: unknown };
  try {
    found = JSON.parse(header.toString("utf8", MAGIC.length));
  } catch {
    throw broken();
  }
  const check = Buffer.from(String(found.check));
  for (const secret of secrets) {
    const keys = keysOf(secret, String(found.salt));
    const right = Buffer.from(keys.check);
    if (right.length === check.length && timingSafeEqual(right, check)) return keys.cipher;
  }
  throw refuse("backup_refused", {
    detail:
      "It was made with another secret: put that one behind the new one in LATCHKEY_SECRET, after a comma.",
  });
}

function open(key: Buffer, index: number, aad: Buffer, sealed: Buffer): string {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce(index), { authTagLength: TAG });
  decipher.setAAD(aad).setAuthTag(sealed.subarray(-TAG));
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, -TAG)), decipher.final()]);
    return inflateRawSync(plain).toString("utf8");
  } catch {
    throw broken();
  }
}

function read(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, at));
}

function broken(): Error {
  return refuse("backup_refused", { detail: "It is incomplete or was changed." });
}
